module github.com/paradiseftp/paradise/examples

go 1.26.5
