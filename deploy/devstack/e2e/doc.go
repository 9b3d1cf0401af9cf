// Package e2e tests whole runs on the real servers: what survives when processes are killed, what schedules start, and histories
// that later versions must replay. It has tests only.
package e2e
