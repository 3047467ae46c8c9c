"""Secrets of a webhook, in its address or in the header that it is called with, are stored and shown nowhere."""

from __future__ import annotations

import logging

import pytest
from batches import batch, stand_in, transcribe
from hypothesis import given
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds import exceptions
from soniox_ds.corpus.provenance import without_secrets
from soniox_ds.options import TranscriptionOptions
from soniox_ds.options.addresses import hide_addresses, public_url, public_webhook

SECRETS = ("s3cretuser", "pw9876", "qwertz12", "T0X9f3Kq81LmZ2vB7c", "open-sesame-1234")
JSON_WEB_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
URL = "http://s3cretuser:pw9876@127.0.0.1:9/done/T0X9f3Kq81LmZ2vB7c?token=qwertz12&job=7"
WEBHOOK = {
    "webhook_url": URL,
    "webhook_auth_header_name": "X-Webhook-Auth",
    "webhook_auth_header_value": "open-sesame-1234",
}


def leaks(text):
    return [secret for secret in SECRETS if secret in text]


async def test_neither_the_corpus_nor_its_files_nor_the_report_nor_the_logs(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("soniox_ds", "httpx", "httpcore", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    with stand_in() as service:
        corpus = await transcribe(batch(2), service, tmp_path, **WEBHOOK)
    options = corpus.provenance["runs"][0]["options"]
    assert options["webhook_url"] == "http://127.0.0.1:9/done/***?job=7"
    corpus.save(tmp_path / "saved")
    sx.report(corpus, tmp_path / "report.html", {"r000": "a", "r001": "b"})
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {".parquet", ".html", ".sqlite"} <= {path.suffix for path in files}
    for path in files:
        assert leaks(path.read_bytes().decode("latin-1")) == [], path
    assert leaks(repr(corpus) + str(corpus.provenance) + corpus._repr_html_()) == []
    assert leaks(caplog.text) == []
    assert leaks(str(sx.read_corpus(tmp_path / "saved").provenance)) == []


def test_neither_the_options_nor_a_comparison(tmp_path):
    arms = {"plain": WEBHOOK, "hints": {"language_hints": ["en"], **WEBHOOK}}
    with stand_in() as service:
        connection = sx.Connection(api_key=service.key, api_base_url=service.base_url)
        compared = sx.compare(
            batch(2),
            references={"r000": "a", "r001": "b"},
            arms=arms,
            connection=connection,
            journal=tmp_path / "j.sqlite",
            clock=service.clock,
            progress=False,
        )
    shown = repr(compared) + compared._repr_html_() + "".join(map(repr, compared.arms.values()))
    assert "http://127.0.0.1:9/done/***?job=7" in shown
    assert leaks(shown) == []


def test_neither_the_provenance_of_an_older_version():
    old = {"runs": [{"options": {"webhook_url": URL, "nested": [{"Webhook_URL": URL}]}}]}
    assert leaks(str(without_secrets(old))) == []
    assert "127.0.0.1:9/done" in str(without_secrets(old))


@pytest.mark.parametrize(
    "wrong",
    [URL.replace("http://", "ftp://"), f"{URL} x", URL.partition("://")[2], f"{URL}{'&a=b' * 60}", URL.encode()],
)
def test_nor_the_error_about_a_wrong_address(wrong):
    with pytest.raises(exceptions.OptionsError, match="webhook_url") as caught:
        TranscriptionOptions(webhook_url=wrong)
    assert leaks(str(caught.value)) == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("https://host.example/hook?id=1", "https://host.example/hook?id=1"),
        ("https://host.example/transcription-finished/v2", "https://host.example/transcription-finished/v2"),
        (
            "https://host.example/a.very.long.name.of.a.file1.wav",
            "https://host.example/a.very.long.name.of.a.file1.wav",
        ),
        ("https://me@host.example:8443/", "https://host.example:8443/"),
        ("https://host.example?sig=abc", "https://host.example"),
        ("https://host.example/x?k=0c6b5c3e6f0b4b539a55", "https://host.example/x?k=***"),
        (
            "https://hooks.example/services/T0001/B0001/aBcDeFgHiJkLmNoPqRsTuVwX",
            "https://hooks.example/services/T0001/B0001/***",
        ),
        ("https://x.example/in/0c6b5c3e-6f0b-4b53-9a55-1d2a3b4c5d6e", "https://x.example/in/***"),
        (f"https://x.example/in/{JSON_WEB_TOKEN}", "https://x.example/in/***"),
        (f"https://x.example/in?t={JSON_WEB_TOKEN}&job=7", "https://x.example/in?t=***&job=7"),
        ("https://x.example/in?T0X9f3Kq81LmZ2vB7c", "https://x.example/in?***"),
        ("https://x.example/in?job=7;token=s3cret", "https://x.example/in?job=7"),
        ("https://x.example/in?token=s3cret;job=7", "https://x.example/in?job=7"),
        ("https://x.example/in;token=s3cret;v=2/done", "https://x.example/in;token=***;v=2/done"),
        ("https://x.example/in;jsessionid=s3cret", "https://x.example/in;jsessionid=***"),
        ("https://x.example/key=s3cret/done", "https://x.example/key=***/done"),
        ("https://x.example/in?author=me&authorization=s3cret", "https://x.example/in?author=me"),
        (
            "https://x.example/in?bearer=s3cret&pw=s3cret&passphrase=s3cret&webhook_key=s3cret&v=2",
            "https://x.example/in?v=2",
        ),
        ("me:secret@host.example/x?token=a", "***"),
        ("", "***"),
    ],
)
def test_public_parts_of_an_address(address, public):
    assert public_webhook(address) == public
    assert public_webhook(public) == public
    assert hide_addresses(f"'{address}' failed") == f"'{public}' failed" or not address.startswith("http")


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_stands_there_nothing_is_raised(before, after):
    for text in (before, f"{before}://{after}", f"https://{before}@{after}?token={after}#{before}"):
        assert isinstance(public_webhook(text), str)
        assert isinstance(hide_addresses(text), str)
        assert public_webhook(public_url(text)) == public_webhook(text)
