"""Seed 004, the pack saas: its situations run in the runbook's own order, with a sixtieth of the times."""

import pytest

from tests.cluster import incidents, kubelet, manifests
from tests.cluster.listening import Publishers
from tests.cluster.stage import Ending, Interrupt, PutOn

pytestmark = pytest.mark.cluster


def test_connections_at_their_maximum_scale_down(put_on: PutOn) -> None:
    stage = put_on("saas")
    stage.deploy("saas-backend", replicas=5)
    stage.app.measure("pg_settings_max_connections", 100)
    stage.app.measure("pg_stat_activity_count", 99)
    stage.scene.until("fewer replicas", "saas-backend", lambda: stage.scene.replicas("saas-backend") == 3)
    stage.app.measure("pg_stat_activity_count", 50)
    stage.scene.until("the replicas from before", "saas-backend", lambda: stage.scene.replicas("saas-backend") == 5, 90)


def test_a_failover_that_ends_is_waited_for_and_nothing_is_done(put_on: PutOn) -> None:
    stage = put_on("saas", faster=10)  # so that the alert is over in time
    stage.deploy("saas-backend")
    stage.app.down.add("postgres")
    alert = stage.fire("DatabaseUnavailable")
    stage.scene.until_waiting("saas-backend", "Waits")
    stage.resolve(alert)
    ended = stage.scene.until_state("saas-backend", "Closed")
    assert (ended["status"]["reason"], stage.scene.effects("saas-backend")) == ("ResolvedByItself", [])


def test_a_crash_loop_goes_back_to_the_previous_release(
    put_on: PutOn, publishers: Publishers, interrupt: Interrupt
) -> None:
    stage = put_on("saas", publishers=publishers)
    stage.deploy("saas-backend")
    stage.scene.release("saas-backend", "app:crash")
    interrupt(stage, "saas-backend")
    stage.until_over("saas-backend")
    assert stage.scene.image("saas-backend") == manifests.GOOD
    assert stage.ending("saas-backend") == Ending(
        state="Monitoring",
        attempts=[("rolloutUndo", "Done", "Recovered")],
        writes=["patch deployments"],
        told={(1, "oncall", "Acted")},
    )
    assert stage.called() == {"oncall"}


def test_a_worker_that_does_nothing_while_its_queue_grows_is_restarted(put_on: PutOn) -> None:
    stage = put_on("saas")
    stage.deploy("saas-worker")
    stage.app.grow("redis_list_length", 3, key="celery")
    stage.app.grow("celery_task_succeeded_total", 0)
    stage.scene.until_acted("saas-worker")
    stage.app.grow("redis_list_length", -3, key="celery")
    stage.app.grow("celery_task_succeeded_total", 6)
    ended = stage.until_over("saas-worker")
    assert incidents.acts(ended) == ["rolloutRestart"]


def test_what_is_oom_killed_gets_half_as_much_memory_again(put_on: PutOn) -> None:
    stage = put_on("saas")
    stage.deploy("saas-backend", replicas=1, resources={"limits": {"memory": "512Mi"}, "requests": {"memory": "256Mi"}})
    stage.scene.kubectl("rollout", "status", "deployment/saas-backend", "--timeout=60s")
    kubelet.kill(stage.scene, "saas-backend")
    more = {"limits": {"memory": "768Mi"}, "requests": {"memory": "384Mi"}}
    stage.scene.until("more memory", "saas-backend", lambda: stage.container("saas-backend")["resources"] == more)
    assert incidents.acts(stage.until_over("saas-backend")) == ["adjustResources"]


def test_lost_counters_are_built_anew_by_one_request_with_the_token(put_on: PutOn) -> None:
    stage = put_on("saas")
    stage.share_secret("super-admin", token="t0ken-of-the-admin")
    stage.deploy("saas-backend")
    alert = stage.fire("RedisLostCounters")
    stage.scene.until("the request", "saas-backend", lambda: bool(stage.posts("reconcile-ai-quotas")))
    stage.resolve(alert)
    assert incidents.acts(stage.until_over("saas-backend")) == ["http"]
    (call,) = stage.posts("reconcile-ai-quotas")
    assert call.headers["Authorization"] == "Bearer t0ken-of-the-admin"
    assert stage.scene.effects("saas-backend") == []


def test_a_provider_that_stays_down_is_replaced_by_the_other_one_for_as_long(put_on: PutOn) -> None:
    stage = put_on("saas")
    stage.scene.kubectl("create", "configmap", "saas-backend", "--from-literal=AI_PROVIDER=anthropic")
    stage.deploy("saas-backend", envFrom=[{"configMapRef": {"name": "saas-backend"}}])
    alert = stage.fire("AIProviderDown")

    def provider() -> str:
        return stage.scene.kubectl("get", "configmap", "saas-backend", "-o", "jsonpath={.data.AI_PROVIDER}")

    stage.scene.until_waiting("saas-backend", "Waits")
    assert provider() == "anthropic"
    stage.scene.until("the other provider", "saas-backend", lambda: provider() == "openai", 90)
    stage.scene.until_acted("saas-backend")
    stage.resolve(alert)
    stage.scene.until("the provider from before", "saas-backend", lambda: provider() == "anthropic", 90)
