"""Counting cells: against a model in which each cell is a thing."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from infer.engine.cells import Cells

PLACES = st.integers(0, 4)


class CellsMachine(RuleBasedStateMachine):
    """The model: each place holds a list of objects, shared ones are the same object."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = Cells()
        self.model: dict[int, list[object]] = {place: [] for place in range(5)}

    @rule(place=PLACES, length=st.integers(0, 40))
    def set(self, place: int, length: int) -> None:
        mine = self.model[place]
        self.model[place] = mine[:length] + [object() for _ in range(length - len(mine))]
        self.cells.set(place, length)

    @rule(source=PLACES, place=PLACES, share=st.floats(0, 1))
    def share(self, source: int, place: int, share: float) -> None:
        if source == place:
            return
        length = round(share * len(self.model[source]))
        self.cells.set(place, 0)
        self.cells.share(source, place, length)
        self.model[place] = self.model[source][:length]

    @invariant()
    def the_counts_are_those_of_the_model(self) -> None:
        assert self.cells.total == len({cell for cells in self.model.values() for cell in cells})
        for place, cells in self.model.items():
            assert self.cells.length(place) == len(cells)
            for other, others in self.model.items():
                same = sum(a is b for a, b in zip(cells, others, strict=False))
                assert self.cells.common(place, other) == same


TestCells = CellsMachine.TestCase
TestCells.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
