module github.com/paradiseftp/paradise/benchmarks

go 1.26.6

require goftp.io/server/v2 v2.0.3
