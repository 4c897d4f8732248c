"""People of the network as users ask for them: who they are, whether they are there, what is done to them."""
