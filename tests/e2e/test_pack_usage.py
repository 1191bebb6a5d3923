"""CPU that is used up, with real containers: as much as the kernel counts, of as much as it allows."""

from tests.e2e import apps
from tests.e2e.theatre import PutOn, variables


def test_what_has_too_little_cpu_gets_half_as_much_again(put_on: PutOn) -> None:
    """Each pod has work for a little more than its limit, as long as that is 200m."""
    stage = put_on("ohmycoins/staging", "backend", faster=60)
    limit = {"limits": {"cpu": "200m"}, "requests": {"cpu": "100m"}}
    stage.put("backend", 2, apps.GOOD, resources=limit, env=variables(BUSY_FOR="205"))
    assert stage.until_healed() == ["adjustResources"]
    more = {"limits": {"cpu": "300m"}, "requests": {"cpu": "150m"}}
    assert stage.container("backend")["resources"] == more
