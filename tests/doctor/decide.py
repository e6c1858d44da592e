"""What can be known of a case: whether the truth stands out from every other story, by 6 deviations of the rounding noise.

The distance of two stories is the root of the sum of (difference / deviation)^2 over those numbers that the dtype tells
apart. The stories are: no fault; every other fault with each of its parameters, also with those that fit the truth best; of
two faults each alone, and each with any other. Nothing here knows what a doctor says.
"""

from dataclasses import replace

import numpy as np

from equivalents import accepted
from faults import FAULTS
from rounding import round_to
from turning import turn

SIGMAS = 6.0


def at_tokens(run, tokens):
    """The run on some tokens alone."""
    return replace(run, positions=run.positions[:, tokens], heads=tuple((h, at_tokens(o, tokens)) for h, o in run.heads),
                   rows=tuple((r, at_tokens(o, tokens)) for r, o in run.rows))


def unrounded(run, x):
    """What comes out where tables and products are not rounded to the dtype, which is noise like the last rounding."""
    def usual(own):
        rounds = own.arithmetic in ("tables", "products")
        return replace(own, arithmetic="float32" if rounds else own.arithmetic,
                       heads=tuple((h, usual(other)) for h, other in own.heads),
                       rows=tuple((r, usual(other)) for r, other in own.rows))
    return turn(usual(run), x)[0]


def distance(case, other, tokens):
    x, noise = case.x[:, tokens], case.noise[:, tokens]
    # What spoils a whole tensor is not made again for a part of it.
    exact = case.exact[:, tokens] if case.truth.spoil else unrounded(at_tokens(case.truth, tokens), x)
    also = unrounded(at_tokens(other, tokens), x)
    seen = round_to(exact, case.dtype) != round_to(also, case.dtype)
    return np.sqrt(np.sum(((exact - also) ** 2 / noise)[seen]))


def apart(case, other):
    """Whether the two stories can be told apart. Some tokens are enough where they say so."""
    count = case.x.shape[1]
    few = np.unique(np.concatenate([np.arange(min(3, count)), np.linspace(0, count - 1, min(9, count)).astype(int)]))
    if distance(case, other, few) >= SIGMAS:
        return True
    return len(few) < count and distance(case, other, np.arange(count)) >= SIGMAS


def the_same(case, other):
    """Whether the other story is, on this data, the truth: the rounding of positions that need none, say."""
    return np.array_equal(case.exact, turn(other, case.x)[0])


def positions_done(case):
    """Where tokens really were turned: given positions, rounded, and those of rows that have their own."""
    done = round_to(case.truth.positions, case.truth.rounded.get("positions", "f64"))
    for row, other in case.truth.rows:
        done[row] = other.positions[row]
    return done


def shifts_that_fit(case):
    """Shifts that some token really has: by a fault of positions, by their rounding, by turning back, or by a stretch of
    all frequencies, which is one of positions."""
    asked, done = case.asked.positions, positions_done(case)
    found = set(np.unique(done - asked).tolist())
    own, wanted = case.truth.rope.spectrum()[0], case.asked.rope.spectrum()[0]
    if len(own) == len(wanted) and np.all(wanted > 0) and np.allclose(own / wanted, own[0] / wanted[0], rtol=1e-12):
        found |= {by for by in np.unique(np.round(done * own[0] / wanted[0], 6) - asked).tolist() if by == round(by)}
    if case.truth.sign < 0:
        found |= set(np.unique(-done - asked).tolist())
    return sorted(found - {0.0})[:6]


def stories(case):
    """(code, Run) of all that might have been; "none" is no fault. Where positions are not given, they may be any: those
    that fit are tried with every story."""
    yield "none", case.asked
    done = positions_done(case)
    anywhere = () if case.known else (done, done * case.truth.sign * case.truth.times)
    for by in () if case.known else (1, case.truth.sign * case.truth.times, 0.5, 0.25, 0.125):
        yield "none", replace(case.asked, positions=done * by)
    for code, fault in FAULTS.items():
        if code == "not-a-rotation":  # which explains anything
            continue
        for run in fault(case.asked):
            yield code, run
            for positions in anywhere:
                yield code, replace(run, positions=positions)
    for by in shifts_that_fit(case):
        yield "position-shifted", replace(case.asked, positions=case.asked.positions + by)


def indistinct(case):
    """The codes of stories that cannot be told from the truth. Empty: the case is decidable."""
    found, same = set(), set(case.faults) if case.faults else {"none", "tables-rounded"}  # which is no fault
    if len(case.faults) == 1:
        same |= accepted(case.faults[0], case.asked, case.truth)
    elif case.faults:
        same = set()  # each alone is a story of its own
    for code, run in stories(case):
        if code in same | found | {"positions-ignored", "all-rounded"} or apart(case, run):
            continue
        # Of what turns nothing, nothing can be known.
        if case.faults or code == "identity" or not the_same(case, run):
            found.add(code)
    # Of two faults one may be the truth and the other told from none.
    for known, base in case.alone:
        others = {code for name in case.faults if name != known for code in accepted(name, base, case.truth)}
        for code, fault in FAULTS.items():
            if code in others | found | {known, "positions-ignored", "all-rounded", "not-a-rotation"}:
                continue
            if any(not apart(case, run) for run in fault(base)):
                found.add(code)
    return found
