"""The hub: takes facts from the networks, asks ``core`` what follows, has it stored, and hands it to the outbox.

The application composes it so::

    hub = Hub(store=store, clock=SystemClock(), instance=instance_id)
    await hub.open()                                            # reads what the last run left
    hub.set_links(links)                                        # also later: only the difference is acted on
    hub.add_network(Network("libera"), connector, settings)     # also later; starts it
    ...
    await hub.close()

The way of a message is one chain of calls without a task: ``emit`` drops what is known or our own, resolves what it
refers to, plans, and queues the write; when the store has committed, the deliveries go to their lanes in the order of
``seq``. Only a fact that cannot be judged from memory (history, a reference to something old) waits for the store, and then
whatever its room says next waits behind it.

Not here: lanes (:mod:`bridge.engine.outbox`), members (:mod:`bridge.engine.puppets`), tasks of networks
(:mod:`bridge.engine.supervisor`), and any decision about a message (:mod:`bridge.core.routing`).
"""
