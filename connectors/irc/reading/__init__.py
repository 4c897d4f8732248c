"""What is heard on IRC: the listener, its deputies, the view of channels, and what was missed."""
