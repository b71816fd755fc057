package sample

import (
	"fmt"

	"assay/reports/results"
)

// The size of Large.
const (
	LargeChecks, LargeColumns = 300, 12
	// LargeCalls is the number of system calls in its three syscall tables.
	LargeCalls = 500
)

// Large is a run as large as the suite is expected to become: 300 checks in ten areas, 12 columns, three
// tables of 500 system calls. A third of the checks differ, some cells fail.
func Large() *results.Results {
	run := Matrix()
	run.Run.Exit = 0
	matrix := run.Columns
	run.Columns, run.Checks, run.Cells = nil, nil, nil
	run.Phases = []results.Phase{{Name: "find the engine", Seconds: 1}}
	areas := []string{"caps", "seccomp", "user", "fs", "priv", "netpol", "cgroup", "life", "sysctl", "lsm"}
	for j := range LargeColumns {
		column := matrix[j%len(matrix)]
		column.Name = fmt.Sprintf("%s-%d", column.Name, j+1)
		run.Columns = append(run.Columns, column)
		run.Phases = append(run.Phases,
			results.Phase{Column: column.Name, Name: "boot", Seconds: 40 + float64(j)},
			results.Phase{Column: column.Name, Name: "evidence", Seconds: 60 - float64(j)})
	}
	for i := range LargeChecks {
		area := areas[i*len(areas)/LargeChecks]
		check := results.Check{
			ID: fmt.Sprintf("%s/check-number-%d", area, i+1), Area: area, Level: results.LevelMust,
			Claim: fmt.Sprintf("What is asked for with knob %d of this area is what the container gets, and nothing besides.", i+1), Source: docs,
		}
		if i%3 == 0 {
			check.Level = results.LevelInfo
		}
		run.Checks = append(run.Checks, check)
		for j, column := range run.Columns {
			run.Cells = append(run.Cells, largeCell(i, j, check.ID, column.Name))
		}
	}
	return run
}

func largeCell(i, j int, check, column string) results.Cell {
	pod := fmt.Sprintf("probe-%d", i)
	cell := results.Cell{
		Check: check, Column: column, Verdict: results.Pass, Reason: "as wanted", Attempts: 1, Seconds: 3.5,
		Rerun: fmt.Sprintf("assay run --column %s --focus '%s:'", column, check),
		Trials: []results.Trial{
			{Name: "without the knob", Done: "open a raw socket", Wanted: "denied with EPERM", Seen: "denied: socket EPERM", Met: true, DeniedBy: "capability", Why: "NET_RAW is not effective", Pod: pod, Container: "c1", Node: "assay-" + column + "-worker"},
			{Name: "with the knob", Control: true, Done: "open a raw socket", Wanted: "allowed", Seen: "allowed: socket", Met: true, Pod: pod, Container: "c2", Node: "assay-" + column + "-worker"},
		},
	}
	switch {
	case i%100 == 0:
		table := make(map[string]string, LargeCalls)
		for number := range LargeCalls {
			table[fmt.Sprintf("call_%d", number)] = []string{"allow", "EPERM", "ENOSYS"}[number*(1+j%3*(number%7/6))%3]
		}
		cell.Verdict, cell.Reason, cell.Observed = results.Informed, "recorded", raw(table)
	case i%3 == 0:
		cell.Verdict, cell.Reason, cell.Observed = results.Informed, "recorded", raw(map[string]string{"value": fmt.Sprint(i + j%2), "other": "the same"})
	case i%50 == 1 && j%5 == 1:
		cell.Verdict, cell.Reason = results.Fail, "trial without the knob: wanted denied with EPERM, observed allowed: the field was accepted and ignored"
	}
	return cell
}
