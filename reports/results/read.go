package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// MaxSize is the largest results file that is read, in bytes; 300 checks in 12 columns, each with a table
// of 500 values, have half of it.
const MaxSize = 128 << 20

// MaxCells is the largest matrix that is read: checks times columns.
const MaxCells = 100_000

// InvalidError says that a file is no results file that this version can use, in one line, with the
// place.
type InvalidError struct {
	File string
	// Line counts from 1; 0 where the problem has no line.
	Line    int
	Problem string
	// Err is the cause, where another package saw it first.
	Err error
}

func (e *InvalidError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
	}
	return fmt.Sprintf("%s: %s", e.File, e.Problem)
}

// Unwrap returns the cause.
func (e *InvalidError) Unwrap() error { return e.Err }

// Load reads a results file. The error is an InvalidError, also when there is no such file.
func Load(path string) (*Results, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &InvalidError{File: path, Problem: "cannot be read: " + reason(err), Err: err}
	}
	defer file.Close() //nolint:errcheck // read only
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > MaxSize {
		return nil, tooLarge(path, MaxSize)
	}
	return Read(file, path)
}

// reason is the text of an error of package os without the path, which the message has already.
func reason(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// Read reads a results document, which name stands for in errors. It refuses, with an InvalidError,
// what is cut, foreign, newer than this version or larger than MaxSize, and cells that contradict one
// another or belong to nothing. A cell that the document lacks becomes an error cell, see Complete.
// Fields that this version does not know are passed over.
func Read(reader io.Reader, name string) (*Results, error) {
	return read(reader, name, MaxSize)
}

func read(reader io.Reader, name string, limit int64) (*Results, error) {
	data, err := io.ReadAll(io.LimitReader(reader, limit+1))
	if err != nil {
		return nil, &InvalidError{File: name, Problem: "cannot be read: " + reason(err), Err: err}
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(name, limit)
	}
	d := document{file: name, data: data}
	if err := d.checkHead(); err != nil {
		return nil, err
	}
	if err := d.decode(); err != nil {
		return nil, err
	}
	if err := d.results.validate(&d); err != nil {
		return nil, err
	}
	if cells := len(d.results.Checks) * len(d.results.Columns); cells > MaxCells {
		return nil, &InvalidError{File: name, Problem: fmt.Sprintf("has %d checks and %d columns: more than %d cells", len(d.results.Checks), len(d.results.Columns), MaxCells)}
	}
	d.results.Complete()
	return &d.results, nil
}

func tooLarge(name string, limit int64) *InvalidError {
	return &InvalidError{File: name, Problem: fmt.Sprintf("is larger than %d bytes, the most that is read", limit)}
}

// document is a results document that is being read, with the places of its parts for the messages.
type document struct {
	file    string
	data    []byte
	results Results
	// places are the offsets of the elements of the lists, by the list's name.
	places map[string][]int64
}

// invalid is the error for a problem at an offset.
func (d *document) invalid(offset int64, err error, format string, args ...any) *InvalidError {
	offset = min(max(offset, 0), int64(len(d.data)))
	line := 1 + bytes.Count(d.data[:offset], []byte("\n"))
	return &InvalidError{File: d.file, Line: line, Problem: fmt.Sprintf(format, args...), Err: err}
}

// place is the offset of an element of a list.
func (d *document) place(list string, index int) int64 {
	if index < len(d.places[list]) {
		return d.places[list][index]
	}
	return 0
}

// checkHead sees to it that the whole is JSON and says that it is a results document of a version that
// can be read. That comes before any other field, whose type may be another in another version.
func (d *document) checkHead() error {
	if len(bytes.TrimSpace(d.data)) == 0 {
		return &InvalidError{File: d.file, Problem: "is empty"}
	}
	var head map[string]json.RawMessage
	if err := json.Unmarshal(d.data, &head); err != nil {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &syntax) && syntax.Offset >= int64(len(d.data)) && syntax.Error() == "unexpected end of JSON input":
			return d.invalid(syntax.Offset, err, "is cut: the JSON document ends in the middle")
		case errors.As(err, &kind):
			return d.invalid(0, err, "is not a results file of assay: it holds a JSON %s, not an object", kind.Value)
		case errors.As(err, &syntax):
			return d.invalid(syntax.Offset, err, "is not JSON: %s", syntax)
		default:
			return d.invalid(0, err, "is not JSON: %s", err)
		}
	}
	raw, found := head["schemaVersion"]
	if !found {
		return &InvalidError{File: d.file, Problem: "is not a results file of assay: it has no schemaVersion"}
	}
	at := int64(bytes.Index(d.data, []byte(`"schemaVersion"`)))
	var version int
	if err := json.Unmarshal(raw, &version); err != nil || version < 1 {
		return d.invalid(at, err, "is not a results file of assay: its schemaVersion is %.40s, not a version number", raw)
	}
	if version != SchemaVersion {
		return d.invalid(at, nil, "has schemaVersion %d; this version of assay reads %d: use the version that wrote it, or a newer one", version, SchemaVersion)
	}
	return nil
}

// decode reads the parts one by one, so that every element of a list has a place.
func (d *document) decode() error {
	d.places = map[string][]int64{}
	decoder := json.NewDecoder(bytes.NewReader(d.data))
	if _, err := decoder.Token(); err != nil {
		return d.invalid(0, err, "is not JSON: %s", err)
	}
	seen := map[string]bool{}
	for decoder.More() {
		at := d.next(decoder)
		token, err := decoder.Token()
		if err != nil {
			return d.invalid(at, err, "is not JSON: %s", err)
		}
		name, _ := token.(string)
		if seen[name] {
			return d.invalid(at, nil, "has the field %q twice", name)
		}
		seen[name] = true
		if err := d.decodeField(decoder, name); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) decodeField(decoder *json.Decoder, name string) error {
	r := &d.results
	switch name {
	case "schemaVersion":
		return d.decodeValue(decoder, name, &r.SchemaVersion)
	case "run":
		return d.decodeValue(decoder, name, &r.Run)
	case "host":
		return d.decodeValue(decoder, name, &r.Host)
	case "expectations":
		return d.decodeValue(decoder, name, &r.Expectations)
	case "columns":
		return decodeList(d, decoder, name, &r.Columns)
	case "checks":
		return decodeList(d, decoder, name, &r.Checks)
	case "cells":
		return decodeList(d, decoder, name, &r.Cells)
	case "phases":
		return decodeList(d, decoder, name, &r.Phases)
	default:
		var other json.RawMessage
		return d.decodeValue(decoder, name, &other)
	}
}

// next is the offset of the next token: behind the white space, comma or colon that comes before it.
func (d *document) next(decoder *json.Decoder) int64 {
	offset := decoder.InputOffset()
	for offset < int64(len(d.data)) && bytes.IndexByte([]byte(" \t\r\n,:"), d.data[offset]) >= 0 {
		offset++
	}
	return offset
}

func (d *document) decodeValue(decoder *json.Decoder, name string, value any) error {
	at := d.next(decoder)
	// A decoder counts the offset of an error from behind the comma or colon before the value.
	start := decoder.InputOffset()
	if separator := bytes.IndexAny(d.data[start:at], ",:"); separator >= 0 {
		start += int64(separator) + 1
	}
	err := decoder.Decode(value)
	if err == nil {
		return nil
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		field := name
		if kind.Field != "" {
			field += "." + kind.Field
		}
		return d.invalid(start+kind.Offset, err, "%s is a JSON %s, which it cannot be", field, kind.Value)
	}
	return d.invalid(at, err, "%s: %s", name, err)
}

func decodeList[T any](d *document, decoder *json.Decoder, name string, list *[]T) error {
	at := d.next(decoder)
	if at < int64(len(d.data)) && d.data[at] != '[' {
		return d.decodeValue(decoder, name, list)
	}
	if _, err := decoder.Token(); err != nil {
		return d.invalid(at, err, "is not JSON: %s", err)
	}
	for decoder.More() {
		d.places[name] = append(d.places[name], d.next(decoder))
		var element T
		if err := d.decodeValue(decoder, fmt.Sprintf("%s[%d]", name, len(*list)), &element); err != nil {
			return err
		}
		*list = append(*list, element)
	}
	if _, err := decoder.Token(); err != nil {
		return d.invalid(at, err, "is not JSON: %s", err)
	}
	return nil
}
