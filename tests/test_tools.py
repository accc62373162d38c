"""The tools of the checkout fit the code."""

import pytest

from tools.mutations import FAULTS, ROOT


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_to_plant_has_its_place(name):
    fault = FAULTS[name]
    assert (ROOT / fault.file).read_text().count(fault.old) == 1 and fault.old != fault.new
    assert (ROOT / fault.tests[0]).exists()
