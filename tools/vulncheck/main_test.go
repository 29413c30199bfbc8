package main

import (
	"strings"
	"testing"
)

const (
	inGo       = `{"finding":{"osv":"GO-1","fixed_version":"v1.2.3","trace":[{"module":"stdlib","version":"v1.2.2","package":"os","function":"Open"}]}}`
	inTool     = `{"finding":{"osv":"GO-2","trace":[{"module":"toolchain","version":"v1.2.2","package":"cmd/go"}]}}`
	required   = `{"finding":{"osv":"GO-3","trace":[{"module":"example.com/dep","version":"v1.0.0"}]}}`
	imported   = `{"finding":{"osv":"GO-4","fixed_version":"v1.0.1","trace":[{"module":"example.com/dep","version":"v1.0.0","package":"example.com/dep"}]}}`
	reached    = `{"finding":{"osv":"GO-4","fixed_version":"v1.0.1","trace":[{"module":"example.com/dep","version":"v1.0.0","package":"example.com/dep","function":"F"}]}}`
	otherwords = `{"config":{"go_version":"go1.2.2"}} {"progress":{"message":"..."}} {"osv":{"id":"GO-5"}}`
)

func TestOnlyDependenciesFail(t *testing.T) {
	for _, c := range []struct {
		name, said string
		fails      bool
		want       string
	}{
		{"nothing", otherwords, false, "0 in dependencies, 0 in Go itself"},
		{"Go itself", otherwords + inGo + inTool, false, "GO-1: stdlib v1.2.2, mended in v1.2.3, reached by way of os.Open"},
		{"a module that is required only", required, false, "0 in dependencies"},
		{"a package that is imported", imported, true, "GO-4: example.com/dep v1.0.0, mended in v1.0.1, imported"},
		{"a function that is reached", imported + reached + imported, true, "reached by way of example.com/dep.F"},
		{"both", inGo + reached, true, "1 in dependencies, 1 in Go itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := make(map[string]vulnerability)
			if err := read(strings.NewReader(c.said), found); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := report(found, &out); (err != nil) != c.fails {
				t.Errorf("report: %v", err)
			}
			if !strings.Contains(out.String(), c.want) {
				t.Errorf("%q is not in:\n%s", c.want, out.String())
			}
		})
	}
}

func TestWhatIsNoAnswerFails(t *testing.T) {
	if err := read(strings.NewReader(`{"finding": `), make(map[string]vulnerability)); err == nil {
		t.Error("half an answer was taken for none")
	}
}
