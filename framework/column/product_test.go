package column

import (
	"errors"
	"strings"
	"testing"
)

const productHead = "schemaVersion: 1\ndefaults: {kubernetes: 1.36.3}\nproducts:\n"

func TestProducts(t *testing.T) {
	path := write(t, "matrix.yaml", productHead+`  - runtime: [{name: containerd, version: 2.2.5}, {name: containerd, version: 2.4.2}, {name: cri-o, version: 1.36.1}]
    ociRuntime: [runc, crun]
    exclude:
      - {runtime: {name: containerd, version: 2.2.5}, ociRuntime: crun}
  - runtime: [{name: cri-o, version: 1.36.1}]
    kubernetes: [1.36.3]
    config: [[Net_Raw.conf]]
columns:
  - name: extra
    runtime: {name: containerd, version: 2.4.2}
`, "Net_Raw.conf", "")
	matrix, err := Load(path, known)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range matrix.Columns {
		names = append(names, c.Name)
	}
	want := "extra containerd-2.2.5 containerd-2.4.2 containerd-2.4.2-crun cri-o-1.36.1 cri-o-1.36.1-crun cri-o-1.36.1-1.36.3-net-raw"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	last := matrix.Columns[len(matrix.Columns)-1]
	if last.Kubernetes != "1.36.3" || len(last.Config) != 1 || last.Network != KubeRouter {
		t.Errorf("the last column is %+v", last)
	}
}

func TestProductsInvalid(t *testing.T) {
	const runtime = "  - runtime: [{name: containerd, version: 2.4.2}]\n"
	for name, test := range map[string]struct{ matrix, want string }{
		"no runtime":            {"  - ociRuntime: [runc]\n", ":4: products[0].runtime"},
		"an axis is no list":    {runtime + "    ociRuntime: crun\n", ":5: products[0].ociRuntime"},
		"an axis is empty":      {runtime + "    kubernetes: []\n", ":5: products[0].kubernetes"},
		"an unknown value":      {runtime + "    ociRuntime: [runc, kata]\n", ":5: products[0].ociRuntime"},
		"an unknown axis":       {runtime + "    colour: [red]\n", ":5: products[0].colour"},
		"an unknown exclusion":  {runtime + "    exclude: [{colour: red}]\n", ":5: products[0].exclude[0].colour"},
		"excludes nothing":      {runtime + "    exclude: [{ociRuntime: crun}]\n", ":5: products[0].exclude[0]"},
		"excludes everything":   {runtime + "    exclude: [{runtime: {name: containerd}}]\n", ":4: products[0]"},
		"the same column twice": {runtime + runtime, ":5: products[1].name"},
	} {
		_, err := Load(write(t, "matrix.yaml", productHead+test.matrix), known)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || len(invalid.Problems) != 1 || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}
