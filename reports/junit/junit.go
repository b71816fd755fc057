// Package junit renders results as JUnit XML: a suite a column, a test case a check. Names hold no
// version and no duration, so that a history of runs lines up; all of that is in properties.
//
// There is no one JUnit format. What is written is what Jenkins, GitLab, TestGrid, Prow and the usual
// actions read; elements and attributes are those of
// https://github.com/testmoapp/junitxml and, for retries, of
// https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"assay/reports/failure"
	"assay/reports/inert"
	"assay/reports/results"
)

// MaxText is the most bytes of one text: what readers with a limit take.
const MaxText = 65_535

// The most characters of names, messages and properties, and the most bytes of all texts together
// (GitLab takes no file of 30 MB), which each gets its share of.
const (
	nameWidth     = 300
	messageWidth  = 1_000
	propertyWidth = 2_000
	allTexts      = 16 << 20
	leastText     = 1_000
)

// Write writes the named columns, all when none is named.
func Write(w io.Writer, run *results.Results, columns ...string) error {
	return write(w, documentOf(run, columns))
}

// WriteStrict writes all columns without the properties of test cases. Jenkins' JUnit plugin, Prow and
// others read them; the schema of Jenkins' xunit plugin, which refuses files, knows none:
// https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
func WriteStrict(w io.Writer, run *results.Results) error {
	document := documentOf(run, nil)
	for _, suite := range document.Suites {
		for i := range suite.Cases {
			suite.Cases[i].Properties = nil
		}
	}
	return write(w, document)
}

func documentOf(run *results.Results, columns []string) testsuites {
	document := testsuites{Name: "assay"}
	limit := textLimit(run, columns)
	for _, column := range run.Columns {
		if len(columns) > 0 && !slices.Contains(columns, column.Name) {
			continue
		}
		suite := suiteOf(run, column, limit)
		document.Suites = append(document.Suites, suite)
		document.Tests += suite.Tests
		document.Failures += suite.Failures
		document.Errors += suite.Errors
	}
	document.Time = seconds(run.Run.Finished.Sub(run.Run.Started).Seconds())
	return document
}

func write(w io.Writer, document testsuites) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", " ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	return nil
}

func textLimit(run *results.Results, columns []string) int {
	texts := 0
	for _, cell := range run.Cells {
		if len(columns) == 0 || slices.Contains(columns, cell.Column) {
			if cell.Verdict != results.Pass && cell.Verdict != results.Informed || len(cell.Nodes) > 0 {
				texts++
			}
			texts += len(cell.Earlier)
		}
	}
	return min(max(allTexts/max(texts, 1), leastText), MaxText)
}

func suiteOf(run *results.Results, column results.Column, limit int) testsuite {
	suite := testsuite{
		Name:       name(column.Name),
		Timestamp:  run.RunOf(column).Started.UTC().Format("2006-01-02T15:04:05"),
		Properties: environment(run, column),
	}
	var total float64
	for _, check := range run.Checks {
		cell := missing(check.ID, column)
		if found, is := run.Cell(check.ID, column.Name); is {
			cell = found
		}
		test := testcaseOf(run, check, cell, limit)
		suite.Tests++
		suite.Failures += count(test.Failure)
		suite.Errors += count(test.Error)
		suite.Skipped += count(test.Skipped)
		total += cell.Seconds
		suite.Cases = append(suite.Cases, test)
	}
	if column.Error != "" {
		suite.SystemErr = inert.Cut(inert.Text(column.Error), limit)
	}
	suite.Time = seconds(total)
	return suite
}

func missing(check string, column results.Column) results.Cell {
	return results.Cell{Check: check, Column: column.Name, Reason: "nothing was recorded for this check in this column"}
}

func testcaseOf(run *results.Results, check results.Check, cell results.Cell, limit int) testcase {
	test := testcase{
		Name:       name(check.ID + ": " + check.Claim),
		Classname:  name(cell.Column + "." + area(check)),
		Time:       seconds(cell.Seconds),
		Properties: describe(check, cell),
	}
	message := inert.Short(cell.Reason, messageWidth)
	text := func() string { return inert.Cut(failure.Text(run, cell), limit) }
	final := &test.Flaky
	switch cell.Verdict {
	case results.Pass, results.Informed:
		if len(cell.Nodes) > 0 {
			test.SystemOut = text()
		}
	case results.Unsupported:
		test.Skipped = &problem{Message: "unsupported: " + message}
		test.SystemOut = text()
	case results.Skipped:
		test.Skipped = &problem{Message: "skipped: " + message}
	case results.Fail:
		if cell.ExpectedFailure() {
			test.Skipped = &problem{Message: "expected failure, " + inert.Short(cell.Expectation.Reason, messageWidth) + ": " + message}
			test.SystemOut = text()
			break
		}
		if check.Level == results.LevelShould || check.Level == results.LevelInfo {
			// A warning: the run does not fail for it, so no reader may count it as a failure.
			test.Skipped = &problem{Message: "warning, " + check.Level + " level: " + message}
			test.SystemOut = text()
			break
		}
		test.Failure = &problem{Message: message, Type: "fail", Text: text()}
		final = &test.Rerun
	case results.Error:
		test.Error = &problem{Message: message, Type: "error", Text: text()}
		final = &test.Rerun
	}
	if expectation := cell.Expectation; expectation != nil && expectation.State == results.ExpectationBroken && test.Failure == nil {
		test.Skipped, test.SystemOut = nil, ""
		test.Failure = &problem{Message: inert.Short("broken expectation: "+expectation.Text, messageWidth), Type: "expectation", Text: text()}
		final = &test.Rerun
	}
	for i, reason := range cell.Earlier {
		*final = append(*final, attempt{
			Message: inert.Short(reason, messageWidth),
			Type:    "error",
			Stack:   inert.Cut(fmt.Sprintf("attempt %d of %d\n%s", i+1, max(cell.Attempts, len(cell.Earlier)+1), inert.Text(reason)), limit),
		})
	}
	return test
}

func area(check results.Check) string {
	if check.Area != "" {
		return check.Area
	}
	area, _, _ := strings.Cut(check.ID, "/")
	return area
}

// name is a text for an attribute that identifies something.
func name(text string) string { return inert.Short(text, nameWidth) }

func seconds(s float64) string { return strconv.FormatFloat(max(s, 0), 'f', 3, 64) }

func count(p *problem) int {
	if p == nil {
		return 0
	}
	return 1
}
