"""Sends a run of an agent to Pharos as JSON events, with nothing but Python's own library.

    PHAROS=http://127.0.0.1:4318 PHAROS_API_KEY=... python examples/events.py
"""

import json
import os
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("PHAROS", "http://127.0.0.1:4318") + "/v1/events"
KEY = os.environ.get("PHAROS_API_KEY", "")


def send(*events):
    """Sends events until they are kept; what can never be kept is an error."""
    # An id makes it safe to send an event again after an answer that was lost.
    events = [{"id": uuid.uuid4().hex, "service": "example-py", **event} for event in events]
    headers = {"Content-Type": "application/json", "X-Api-Key": KEY}
    while events:
        request = urllib.request.Request(URL, json.dumps(events).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                told = json.load(answer)
                wait = float(answer.headers.get("Retry-After", 1))
        except urllib.error.HTTPError as refused:
            if refused.code not in (429, 503):
                raise SystemExit(f"{refused.code}: {refused.read().decode()}")
            time.sleep(float(refused.headers.get("Retry-After", 1)))
            continue
        again = [it["index"] for it in told["rejected"] if it.get("retry")]
        bad = [it for it in told["rejected"] if not it.get("retry")]
        if bad:
            raise SystemExit(f"rejected: {bad}")
        events = [events[index] for index in again]
        if events:
            time.sleep(wait)


def main():
    run = uuid.uuid4().hex
    send({"type": "agent_run_start", "run_id": run, "agent": "planner", "tenant": "acme"})
    send(
        {
            "type": "llm_call",
            "run_id": run,
            "agent": "planner",
            "provider": "openai",
            "model": "gpt-4o-mini",
            "duration": 0.82,
            "usage": {"input_tokens": 512, "output_tokens": 64},
        },
        {"type": "tool_call", "run_id": run, "agent": "planner", "tool": "search",
         "duration": 0.035, "arguments": {"q": "weather"}},
        {"type": "spend", "cost_usd": 0.002, "tenant": "acme", "reason": "search"},
    )
    send({"type": "agent_run_end", "run_id": run, "status": "success"})
    print("sent", run)


if __name__ == "__main__":
    main()
