"""Plain calls in real kernels: output, interrupts, running loops. The server counts what was really asked."""

import pytest
from notebook_files import new_notebook, run_notebook
from waiting import PATIENCE_S

KINDS = ["ipykernel-7", "ipykernel-6", "ipykernel-7-uvloop"]

# what may hold the kernel's main thread when it is interrupted
INTERRUPTED_CELLS = [
    pytest.param("plain_fetch_all({url!r})", "KeyboardInterrupt", id="cell"),
    pytest.param("async def call():\n    return plain_fetch_all({url!r})\nawait call()", "CancelledError", id="await"),
]


def test_the_kernel_is_of_the_kind_that_is_meant(kernel):
    version, loop = kernel.succeed(
        "import ipykernel\nprint(ipykernel.version_info[0], type(asyncio.get_running_loop()).__module__)"
    ).printed.split()
    assert f"ipykernel-{version}" in kernel.kind
    assert ("uvloop" in loop) == ("uvloop" in kernel.kind)


def test_progress_shows_in_the_cell_that_called(kernel, server):
    outcome = kernel.succeed(f"plain_fetch_all('{server.url}/quick', count=30)")
    assert {message["parent_header"]["msg_id"] for message in outcome.messages} == {outcome.cell_id}
    [shown] = outcome.contents("display_data")
    *_, last = outcome.contents("update_display_data")
    assert last["transient"]["display_id"] == shown["transient"]["display_id"]
    assert last["data"]["text/plain"].startswith("30 of 30 done, 30.0 min of audio, about $0.30, ")
    assert '<progress value="30" max="30">' in last["data"]["text/html"]
    assert outcome.contents("execute_result")[0]["data"]["text/plain"] == "30"


def test_progress_of_late_work_shows_in_the_cell_that_submitted_it(kernel, server):
    submitted = kernel.succeed(f"future = _background.submit(fetch_all('{server.url}/hold', count=3)); pass")
    server.wait_for(lambda counts: counts.active == 3)
    server.release()
    later = kernel.succeed("future.result()")
    seen = [message for message in submitted.messages + later.messages if "display_data" in message["msg_type"]]
    [shown] = [message for message in seen if message["msg_type"] == "display_data"]
    assert shown["parent_header"]["msg_id"] == submitted.cell_id
    # front ends put an update where its display is, whatever its parent is (on ipykernel 6 the cell that runs)
    assert len({message["content"]["transient"]["display_id"] for message in seen}) == 1
    assert "3 of 3 done" in seen[-1]["content"]["data"]["text/plain"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_notebook_keeps_the_final_state(kind, kernel_name, server, request):
    path = [request.getfixturevalue("ipykernel_6")] if kind == "ipykernel-6" else []
    cells = ["from fetching import *", f"answers = plain_fetch_all('{server.url}/quick', count=12)"]
    saved = run_notebook(new_notebook(cells), timeout_s=PATIENCE_S, kernel=kernel_name(kind, path))
    [output] = saved.cells[1].outputs
    assert output.output_type == "display_data"
    assert output.data["text/plain"].startswith("12 of 12 done, ")
    assert '<progress value="12" max="12">' in output.data["text/html"]


@pytest.mark.parametrize(("cell", "error"), INTERRUPTED_CELLS)
def test_an_interrupt_cancels_everything(kernel, server, cell, error):
    interrupted_call_leaves_nothing(kernel, server, cell, error)


def interrupted_call_leaves_nothing(kernel, server, cell, error):
    cell_id = kernel.start(cell.format(url=f"{server.url}/hold"))
    server.wait_for(lambda counts: counts.active == 10)
    kernel.interrupt()
    outcome = kernel.outcome(cell_id)
    assert (outcome.status, outcome.error) == ("error", error)
    stopped = outcome.contents("display_data", "update_display_data")[-1]
    assert stopped["data"]["text/plain"].startswith("stopped with 0 of 100 done")
    server.wait_for(lambda counts: counts.active == 0)
    # whatever were still waiting for its turn would ask now, before the next call on the same loop ends
    server.release()
    assert kernel.succeed(f"print(plain_fetch_all('{server.url}/quick', count=20), tasks_left())").printed == "20 0"
    assert server.started == 10


def test_inside_running_async_code(kernel, server):
    code = f"async def call():\n    return plain_fetch_all('{server.url}/quick')\nprint(await call())"
    assert kernel.succeed(code).printed == "100"


def test_the_awaitable_twin_on_the_kernels_own_loop(kernel, server):
    code = f"print(await asyncio.gather(*(fetch_all('{server.url}/quick', count=n) for n in (7, 8))))"
    assert kernel.succeed(code).printed == "[7, 8]"


def test_two_threads_at_once(kernel, server):
    """Both wait for the same release, so that neither can have waited for the other."""
    cell_id = kernel.start(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as pool:\n"
        f"    calls = [pool.submit(plain_fetch_all, '{server.url}/hold', count=n, at_once=2) for n in (4, 6)]\n"
        "    print([call.result() for call in calls])"
    )
    server.wait_for(lambda counts: counts.active == 4)
    server.release()
    outcome = kernel.outcome(cell_id)
    assert (outcome.status, outcome.printed) == ("ok", "[4, 6]")


@pytest.mark.parametrize("kind", ["ipykernel-7", "ipykernel-6"])
def test_nested_loops_on_request(kind, start_kernel, server):
    kernel = start_kernel(kind)
    kernel.succeed(f"plain_fetch_all('{server.url}/quick', count=3)")
    kernel.succeed("_background.enable_nested_loops()\n_background.enable_nested_loops()")
    assert kernel.succeed(f"print(asyncio.run(fetch_all('{server.url}/quick', count=5)))").printed == "5"
    assert kernel.succeed(f"print(plain_fetch_all('{server.url}/quick', count=6))").printed == "6"
    interrupted_call_leaves_nothing(kernel, server, "plain_fetch_all({url!r})", "KeyboardInterrupt")


def test_nested_loops_are_refused_under_uvloop(start_kernel):
    outcome = start_kernel("ipykernel-7-uvloop").run("_background.enable_nested_loops()")
    assert outcome.error == "SetupError"
    assert "the event loop is uvloop.Loop" in outcome.contents("error")[0]["evalue"]
