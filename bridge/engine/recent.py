"""A bounded dictionary that forgets what was not used for long, at the price of a plain dictionary."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The last ``size`` keys that were put or asked for, and at most as many older ones.

    Two generations: when the young one is full it becomes the old one, and what was old is forgotten at once. So
    nothing has to be moved or evicted on each use, as an exact order would demand.
    """

    __slots__ = ("_old", "_young", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return what was put, None if it was forgotten."""
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep a value."""
        young = self._young
        young[key] = value
        if len(young) >= self.size:
            self._old = young
            self._young = {}

    def drop(self, key: K) -> None:
        """Forget a value."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def __contains__(self, key: object) -> bool:
        """Tell whether a key is kept, without counting that as a use."""
        return key in self._young or key in self._old

    def __len__(self) -> int:
        """Return how many entries are in memory, twice ``size`` at most."""
        return len(self._young) + len(self._old)
