#!/bin/sh
# Sends a run of an agent to Pharos as JSON events: its beginning, what it did, its end.
#   PHAROS=http://127.0.0.1:4318 PHAROS_API_KEY=… examples/events.sh
set -eu
url="${PHAROS:-http://127.0.0.1:4318}/v1/events"
run="example-$$-$(date +%s)"

send() {
    # --data-binary keeps the line feeds; --fail-with-body shows what was wrong.
    curl --silent --show-error --fail-with-body --data-binary @- \
        -H 'Content-Type: application/x-ndjson' -H "X-Api-Key: ${PHAROS_API_KEY:-}" "$url"
    echo
}

send <<EVENTS
{"type": "agent_run_start", "run_id": "$run", "service": "example-sh", "agent": "planner", "tenant": "acme"}
EVENTS

send <<EVENTS
{"type": "llm_call", "run_id": "$run", "service": "example-sh", "agent": "planner", "provider": "openai", "model": "gpt-4o-mini", "duration_ms": 820, "usage": {"input_tokens": 512, "output_tokens": 64}}
{"type": "tool_call", "run_id": "$run", "service": "example-sh", "agent": "planner", "tool": "search", "duration_ms": 35, "arguments": {"q": "weather"}}
EVENTS

send <<EVENTS
{"type": "agent_run_end", "run_id": "$run", "service": "example-sh", "status": "success"}
EVENTS
