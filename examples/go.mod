module github.com/paradiseftp/paradise/examples

go 1.26.5

require (
	github.com/jlaffaye/ftp v0.2.4
	github.com/paradiseftp/paradise v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/gabriel-vasile/mimetype v1.4.16 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.44.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/paradiseftp/paradise => ../
