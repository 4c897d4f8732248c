"""The connectors that ship with Linkspan, one package for each kind of network.

They come to the program through entry points (group ``linkspan.connectors``), as any connector from elsewhere does.
"""
