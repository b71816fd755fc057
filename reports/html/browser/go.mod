// The tests of the page in a browser are a module of their own, so that they never weigh on the suite's.
module assay/reports/html/browser

go 1.26.0

replace assay => ../../..

require (
	assay v0.0.0-00010101000000-000000000000
	github.com/chromedp/cdproto v0.159.2
	github.com/chromedp/chromedp v0.23.0
)

require (
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	go.yaml.in/yaml/v2 v2.4.4 // indirect
	sigs.k8s.io/yaml v1.6.0 // indirect
)
