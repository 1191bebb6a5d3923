"""Seed 004, the pack saas, with real containers: what they do decides."""

from tests.cluster.stage import Ending
from tests.e2e import apps
from tests.e2e.theatre import PutOn, variables


def test_what_is_oom_killed_gets_half_as_much_memory_again_and_runs(put_on: PutOn) -> None:
    """The kernel kills it at its limit, and lets it live with the new one."""
    stage = put_on("saas", "saas-backend")
    limit = {"limits": {"memory": "32Mi"}, "requests": {"memory": "16Mi"}}
    stage.put("saas-backend", 1, apps.GOOD, resources=limit, env=variables(INDEX_BYTES=f"{36 << 20}"))
    assert stage.until_healed() == ["adjustResources"]
    more = {"limits": {"memory": "48Mi"}, "requests": {"memory": "24Mi"}}
    assert stage.container("saas-backend")["resources"] == more
    assert stage.execute("saas-backend", "pidof httpd")


def test_a_crash_loop_goes_back_to_the_previous_release(put_on: PutOn) -> None:
    stage = put_on("saas", "saas-backend")
    stage.open()
    stage.release(apps.CRASH)
    assert stage.until_healed() == ["rolloutUndo"]
    assert stage.scene.image("saas-backend") == apps.GOOD


def test_a_failover_is_waited_for_and_then_connections_are_made_anew(put_on: PutOn) -> None:
    """Sessions with the database that was there before are good for nothing with the one after it."""
    stage = put_on("saas", "saas-backend", faster=5)  # so that it is there again in time
    stage.stand("database")
    stage.open()
    stage.invite()
    stage.scene.kubectl("scale", "deployment/database", "--replicas=0")
    stage.scene.until_waiting("saas-backend", "Waits")
    assert stage.scene.effects("saas-backend") == []
    stage.scene.kubectl("scale", "deployment/database", "--replicas=1")
    assert stage.until_healed() == ["rolloutRestart"]


def test_a_failover_that_is_over_before_its_alert_is_waited_for_and_nothing_is_done(put_on: PutOn) -> None:
    """Another one takes over, with all sessions, while the one that was there stays down."""
    stage = put_on("saas", "saas-backend", faster=5)  # so that its alert is over in time
    for name in ("primary", "standby"):
        stage.stand(name, job="postgres")
    stage.scene.apply(apps.service("database", "primary"))
    stage.execute("standby", f"echo {stage.execute('primary', 'cat /tmp/boot').strip()} > /tmp/boot")
    stage.open(proven=False)
    stage.invite()
    stage.visit()
    stage.scene.kubectl("scale", "deployment/primary", "--replicas=0")
    stage.scene.until_waiting("saas-backend", "Waits")
    stage.scene.apply(apps.service("database", "standby"))
    ended = stage.scene.until_state("saas-backend", "Closed")
    assert (ended["status"]["reason"], stage.scene.effects("saas-backend")) == ("ResolvedByItself", [])


def test_lost_counters_are_built_anew_by_one_request_with_the_token(put_on: PutOn) -> None:
    """Redis has lost them with its pod."""
    stage = put_on("saas", "saas-backend")
    stage.share_secret("super-admin", token="t0ken-of-the-admin")
    stage.stand("redis", quota_counters=3)
    stage.open(ADMIN_TOKEN="t0ken-of-the-admin")
    stage.scene.kubectl("delete", "pod", "-l", "app=redis")
    assert stage.until_healed() == ["http"]
    assert stage.execute("redis", "cat /tmp/kept/quota_counters").strip() == "quota_counters 3"
    assert stage.scene.effects("saas-backend") == []


def test_a_provider_that_is_down_is_replaced_by_the_other_one_for_as_long(put_on: PutOn) -> None:
    """The pods read the other value, and customers are answered again; then the one from before."""
    stage = put_on("saas", "saas-backend", faster=60)
    stage.scene.kubectl("create", "configmap", "saas-backend", "--from-literal=AI_PROVIDER=anthropic")
    stage.stand("anthropic")
    stage.stand("openai")
    stage.deploy("saas-backend", envFrom=[{"configMapRef": {"name": "saas-backend"}}])
    stage.scene.kubectl("scale", "deployment/anthropic", "--replicas=0")
    stage.restart_operator("saas-backend")

    def all_ask(provider: str) -> bool:
        return stage.heard("saas-backend", "echo $AI_PROVIDER") == [provider] * 2

    stage.scene.until("the other provider", "saas-backend", lambda: all_ask("openai"), 120)
    stage.visit()
    stage.scene.kubectl("scale", "deployment/anthropic", "--replicas=1")
    stage.scene.until("the provider from before", "saas-backend", lambda: all_ask("anthropic"), 120)
    assert stage.ending("saas-backend") == Ending(
        state="Monitoring",
        attempts=[("setConfig", "Done", "Recovered"), ("setConfig", "Done", "")],
        writes=["patch configmaps", "patch deployments"] * 2,
        told={(1, "oncall", "Acted")},
    )


def test_a_worker_that_hangs_while_its_queue_grows_is_restarted_and_works(put_on: PutOn) -> None:
    stage = put_on("saas", "saas-worker")
    stage.stand("redis")
    stage.open(1, proven=False, TAKES_TASKS="yes")
    stage.invite(apps.PRODUCER)

    def tasks_done() -> int:
        return int(stage.execute("saas-worker", "wc -l < /tmp/done"))

    stage.scene.until("work", "saas-worker", tasks_done)
    stage.execute("saas-worker", "kill -STOP $(cat /tmp/worker)")
    assert stage.until_healed() == ["rolloutRestart"]
    assert tasks_done()
