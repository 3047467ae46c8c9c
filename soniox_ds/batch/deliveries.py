"""The webhooks that a run waits for, and the decision when it must ask the service instead.

While webhooks arrive, the service is not asked for the states of jobs. It is asked if a webhook is overdue and no other
one has arrived for a while, or if a job has used up half of the time that the run waits for it. A webhook can be lost
on its way, and the receiver can be down: if the service shows that a job is done whose webhook has not come, the
service is asked as in a run without webhooks, until the next webhook arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from soniox_ds.batch.jobs import Job
from soniox_ds.batch.run import Run
from soniox_ds.options.addresses import public_webhook

__all__ = ["Deliveries", "missing_text"]

QUIET_S = 10.0
"""Seconds without any webhook after which the service is asked for the jobs whose webhooks are overdue."""
OVERDUE_S = 30.0
"""Least seconds after its submission at which the webhook of a job is overdue."""
AUDIO_PER_WAIT = 60.0
"""Seconds of audio for which the service may take a second longer."""
DURATION_WARNINGS = frozenset({"truncated_file", "longer_than_header", "several_audio_tracks"})
"""Warnings of recordings whose duration cannot be measured here with certainty."""
LATEST = 500
"""Number of missing webhooks for which a run goes on looking, to learn that webhooks arrive again."""
SLOWEST = 2.0
"""Multiple of the longest time so far from a submission to its webhook, at which a webhook is overdue."""


class Deliveries:
    """The deliveries of webhooks about the jobs of a project. The receiver writes them to the journal, from which they
    are read."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._arrived_s = self._asked_s = run.clock.now()
        self._longest_s = 0.0
        self._arrived: set[str] = set()
        self._missing: dict[str, None] = {}
        """Ids of jobs that are done, as the service has shown, and whose webhooks have not come, oldest first."""
        self._taken_up: set[str] = set()
        """Ids of jobs of an earlier run that the service has not been asked for yet."""
        self._is_down = False
        """True from the discovery that webhooks are missing and that no others arrive until the next one arrives."""
        self._is_asking = False
        self._n_done = 0

    def taken_up(self, transcription_id: str) -> None:
        """Note that a job was created by an earlier run, so that the service is asked for its state at once.

        Its webhook may have been lost before this run began. If it is not, one question for all is still cheapest.
        """
        self._taken_up.add(transcription_id)

    async def arrived(self, watched: Mapping[str, Job]) -> dict[str, str]:
        """Return the status of each watched job whose webhook has arrived since the last call."""
        expected = [*(watched.keys() - self._arrived - self._taken_up), *islice(reversed(self._missing), LATEST)]
        delivered = await self._run.journal.deliveries(expected)
        if delivered:
            self._arrived_s = self._run.clock.now()
            self._is_down = False
            self._arrived |= delivered.keys()
            for transcription_id in delivered:
                self._missing.pop(transcription_id, None)
        return {key: status for key, status in delivered.items() if key in watched}

    def can_be_fetched(self, job: Job, status: str) -> bool:
        """Return True if the webhook says all that is needed to fetch the transcript.

        Otherwise the service is asked for the job: for the reason of a failure, for a duration that was not measured
        here, or because it is not certain that the id is that of this job: a webhook names nothing else.
        """
        run = self._run
        return (
            status == "completed"
            and job.is_confirmed
            and bool(job.paid.duration_ms)
            and DURATION_WARNINGS.isdisjoint(job.recording.warnings)
            and not run.file_ids.contested
            and not run.transcription_ids.contested
        )

    def done(self, transcription_id: str, job: Job) -> None:
        """Note that a job has reached its end, whether a webhook or the service itself has shown it."""
        self._n_done += 1
        if transcription_id in self._arrived:
            self._longest_s = max(self._longest_s, self._run.clock.now() - job.submitted_s)
        else:
            self._missing[transcription_id] = None
            self._is_down = self._is_quiet

    def must_ask(self, watched: Mapping[str, Job]) -> bool:
        """Return True if the service must be asked for the states of the watched jobs."""
        now = self._run.clock.now()
        jobs = watched.values()
        must_ask = bool(jobs) and (
            self._is_down
            or not self._taken_up.isdisjoint(watched)
            or (self._is_quiet and any(now - job.submitted_s >= self._due_s(job) for job in jobs))
            or any(self._is_nearly_given_up(job, now) for job in jobs)
        )
        if must_ask != self._is_asking:
            self._is_asking = must_ask
            self._run.progress.note(
                "webhooks are overdue; asking the service for the states of the jobs" if must_ask else ""
            )
        return must_ask

    @property
    def _is_quiet(self) -> bool:
        return self._run.clock.now() - self._arrived_s >= QUIET_S

    def asked(self) -> None:
        """Note that the service has shown the states of all jobs that it knows."""
        self._asked_s = self._run.clock.now()
        self._taken_up.clear()

    def _due_s(self, job: Job) -> float:
        audio_s = (job.paid.duration_ms or 0) / 1000
        return max(OVERDUE_S, SLOWEST * self._longest_s) + audio_s / AUDIO_PER_WAIT

    def _is_nearly_given_up(self, job: Job, now: float) -> bool:
        patience_s = self._run.patience_s(job)
        return now - job.submitted_s >= patience_s / 2 and now - self._asked_s >= patience_s / 4

    async def n_missing(self) -> tuple[int, int]:
        """Return the number of webhooks that did not arrive, not even late, and the number of jobs that are done."""
        delivered = await self._run.journal.deliveries(list(self._missing))
        return len(self._missing - delivered.keys()), self._n_done


async def missing_text(run: Run, of_projects: Sequence[Deliveries]) -> str | None:
    """Return a warning about the webhooks of a run that did not arrive; None if all arrived, or none was expected."""
    counts = [await deliveries.n_missing() for deliveries in of_projects]
    n_missing, n_done = sum(missing for missing, _ in counts), sum(done for _, done in counts)
    if not n_missing:
        return None
    text = (
        f"{n_missing} of {n_done} webhooks did not arrive at {public_webhook(run.options.webhook_url or '')}. The "
        "service was asked for the states of these jobs instead, and nothing is lost."
    )
    if n_missing == n_done:
        text += (
            " Check that the receiver runs and writes to the journal of this call, that the service can reach the "
            "address, and that the receiver expects the same header."
        )
    return text
