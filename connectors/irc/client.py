"""One IRC connection: bytes to lines, registration, capabilities, SASL, flood control. To be filled in."""
