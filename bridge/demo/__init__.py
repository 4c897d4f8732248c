"""The demonstration: real servers started by hand, real people at their keyboards, the bridge between them.

``servers`` starts Prosody and InspIRCd as foreground processes on loopback, ``people`` are small clients that speak
the two protocols on a bare socket. The tests build on both; the bridge itself imports nothing from here.
"""
