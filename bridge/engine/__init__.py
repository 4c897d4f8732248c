"""Doing, on asyncio, with no network library: journal, outbox, puppets, supervision."""
