"""How much of files may be put to the upload service: of one person's, of everybody's, and from when on again."""

from bridge.allowance import Allowance
from bridge.config import MediaSettings
from bridge.core.ids import Network, Person, PersonId

MB = 1_000_000
BOB, ANN = (Person(Network("tg"), PersonId(name)) for name in ("bob", "ann"))


class Day:
    """Seconds that a test can let pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_persons_and_everybodys_files_are_counted_and_what_is_refused_costs_nothing() -> None:
    day = Day()
    allowance = Allowance(now=day)
    assert allowance.take(BOB, 10**12) == ""
    settings = MediaSettings(rate_uploads="10/100s", rate_uploads_total="15/100s")
    allowance.bound(settings)
    assert allowance.take(BOB, 8 * MB) == ""
    assert allowance.take(BOB, 3 * MB) == "more files of one person than are put to the upload service: 10 MB in 100 s"
    assert allowance.take(ANN, 8 * MB) == "more files in all than are put to the upload service: 15 MB in 100 s"
    assert allowance.take(ANN, 7 * MB) == ""
    assert allowance.take(None, MB).startswith("more files in all")
    day.now = 10.0
    assert allowance.take(None, MB) == ""
    allowance.bound(settings)  # the same file, read anew
    assert allowance.take(None, MB) != ""
    day.now = 1_000.0
    assert allowance.take(ANN, 11 * MB).startswith("more files of one person")
    assert allowance.take(ANN, 10 * MB) == ""
    allowance.bound(MediaSettings())
    assert allowance.take(ANN, 10**12) == ""
