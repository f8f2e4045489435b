#!/usr/bin/env bash
# The queue in Redis against a naive model.
. "$(dirname "$0")/../support/servers.sh"
servers_up
"$TAPEMILL_TEST_BIN/queue_model"
