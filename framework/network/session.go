package network

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/probe"
	"assay/framework/target"
)

// Session is an open exec session with the probe in a pod, which connects to where it is told.
type Session struct{ line asker }

// OpenSession opens a session with the first container of a pod; it ends with the context.
func OpenSession(ctx context.Context, to target.Target, pod *corev1.Pod) (Session, error) {
	line, err := start(ctx, to, pod)
	return Session{line}, err
}

// Ask has the probe connect and waits for what came of it. It is not to be called by two at once.
func (s Session) Ask(ctx context.Context, request probe.ConnectRequest) (probe.ConnectResponse, error) {
	request.Version = probe.Version
	return s.line.ask(ctx, request)
}

// Close ends the session.
func (s Session) Close(ctx context.Context) { s.line.close(ctx) }
