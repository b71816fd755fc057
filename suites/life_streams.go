package suites

import (
	"assay/framework/check"
)

// execute is the procedure of running a shell script in the container.
func execute(script string) check.Procedure {
	return check.Procedure{Name: check.ProcedureExec, Args: map[string]string{"script": script}}
}

// holding is a container that asks for nothing and stays.
func holding() check.Container { return check.Container{Hold: true} }

func lifeStreams() []check.Check {
	return []check.Check{
		{
			ID:     "life/exec",
			Level:  check.Must,
			Claim:  "A command started with exec has its output, its exit code, its input and its terminal.",
			Source: "https://kubernetes.io/docs/tasks/debug/debug-application/get-shell-running-container/",
			Trials: []check.Trial{
				{
					Name: "output", Container: holding(), Procedure: execute("echo one two"),
					Want: check.Values{"stdout": "one two", "stderr": "", "exitCode": "0"},
				},
				{
					Name: "exit code 42", Container: holding(), Procedure: execute("exit 42"),
					Want: check.Values{"stdout": "", "exitCode": "42"},
				},
			},
		},
	}
}
