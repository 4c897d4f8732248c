"""What is said on IRC: deliveries as lines, whose connection says them, and whether they arrived."""
