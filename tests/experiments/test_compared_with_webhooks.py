"""Experiments whose arms share a receiver of webhooks."""

import pytest
from batches import leftovers, routes, settings_for, stand_in

import soniox_ds as sx
from soniox_ds.exceptions import OptionsError, WebhookWarning

ARMS = {"plain": {}, "hinted": {"language_hints": ["en"]}}
REFERENCES = {f"{number}.wav": "some words" for number in range(6)}

pytestmark = pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")


@pytest.fixture
def files(tiny_wav, tmp_path):
    return [tiny_wav(tmp_path / name, seed=seed) for seed, name in enumerate(REFERENCES)]


def compare(service, files, tmp_path, **changes):
    given = {"arms": ARMS, "webhook": sx.WebhookReceiver(port=0)} | changes
    return sx.compare(files, REFERENCES, **settings_for(service, tmp_path, **given))


class Noted(sx.WebhookReceiver):
    """A receiver that notes the addresses at which it has listened."""

    def start(self):
        super().start()
        self.addresses = {*getattr(self, "addresses", ()), self.url}
        return self


def lists_of_jobs(service):
    return routes(service)["list"] + routes(service)["get"]


def test_while_webhooks_arrive_no_arm_lists_jobs(files, tmp_path):
    webhook = Noted(port=0)
    with stand_in(speed=10) as service:
        trial = compare(service, files, tmp_path, webhook=webhook, repeats=2)
        assert len(service.webhooks) == service.created.total == 24
        assert lists_of_jobs(service) == 0
        assert leftovers(service) == []
    assert all(len(corpus.completed) == 6 for repeats in trial.corpora.values() for corpus in repeats)
    assert len(webhook.addresses) == 1, "the receiver listens on one port for the whole experiment"
    assert webhook._server is None, "and is stopped at its end"


def test_another_receiver_than_that_of_compare_is_refused_before_anything_is_sent(files, tmp_path):
    with stand_in() as service:
        arms = {"plain": {}, "other": {"language_hints": ["en"], "webhook_url": "https://me.example/other"}}
        with pytest.raises(OptionsError, match="webhook= and webhook_url= are given together"):
            compare(service, files, tmp_path, arms=arms)
        with pytest.raises(OptionsError, match="webhook is a str; it is an object such as"):
            compare(service, files, tmp_path, webhook="https://me.example/")
        webhook = sx.WebhookReceiver(port=0, journal=tmp_path / "other.sqlite")
        with pytest.raises(OptionsError, match=r"writes to the journal .*other\.sqlite, and the run uses"):
            compare(service, files, tmp_path, webhook=webhook)
        assert service.requests == []


def test_lost_webhooks_lose_nothing(files, tmp_path):
    with stand_in() as service:
        service.faults.rate("lost_webhook", 1)
        with pytest.warns(WebhookWarning):
            trial = compare(service, files, tmp_path)
        assert service.created.total == 12
    assert lists_of_jobs(service) > 0
    assert all(len(corpus.completed) == 6 for repeats in trial.corpora.values() for corpus in repeats)


def test_without_an_arm_of_the_service_no_receiver_is_started(files, tmp_path):
    finished = sx.io.read_transcripts({name: {"text": "some words"} for name in REFERENCES}, provider="openai_whisper")
    with stand_in() as service:
        arms = {"finished": finished, "function": lambda path: "some words"}
        compare(service, files, tmp_path, arms=arms)
        assert service.requests == []
