// Package faultproxy is an HTTP proxy for tests. It runs in front of a real S3 server
// and breaks selected requests by rules that are written as text:
//
//	proxy := faultproxy.New(t, server.URL, "LIST page=2 status=500")
//	// point the client at proxy.URL instead of server.URL
//
// The host header, the raw path and query, and the body pass unchanged, so that
// signatures stay valid. Bodies are streamed. Buckets must be in the path, not in the
// host name.
//
// # Rules
//
// A rule is a line of words: which requests it matches, when it applies, and what it
// does.
//
//	PUT partNumber=2 nth=1 status=503
//	GET *.bin reset after=4096
//	LIST page=2 close
//	GET * flip byte=10
//	HeadObject key=dir/* etag=bad
//	* delay=2s
//	CompleteMultipartUpload times=1 lost
//
// The first word is an HTTP method, the name of an S3 operation, LIST (any
// listing of objects) or *. Conditions follow. In a value of a condition *
// stands for any run of characters, also of slashes; %20 is a blank.
//
//	key=K bucket=B    the key, without its bucket, and the bucket
//	K                 the same as key=K, as the second word only
//	header.NAME=V     a request header
//	NAME=V            any other name is a query parameter
//
// Each rule counts the requests that match it. Without one of these words it always
// applies.
//
//	nth=N             only for the Nth request
//	times=N           for N requests, beginning with the first or nth
//	page=N            only for the Nth different URL: a listing's second page
//	                  stays its second page when it is requested again
//	maybe             the test need not reach it, see [New]
//
// The last part is the fault. The first rule that applies wins, in the order they were
// added. The faults flip, reset and stall damage a request with a body (PUT, POST) on
// its way to the server, and any other on its way back.
//
//	status=N [code=C] an S3 error response with that status; status=200 is an
//	                  error in the body only
//	early             with status=: the response is sent before the body of the
//	                  request was read, then a reset
//	html              a page of a proxy, with status 200, instead of a response
//	empty             status 200 and nothing else, instead of a response
//	close             closes the connection instead of a response
//	lost              lets the server do it, then closes without a response
//	reset after=N     resets the connection after N bytes of the body
//	stall after=N     passes N bytes and then nothing, forever
//	truncate after=N  closes the connection normally after N bytes of the body,
//	                  before the length in the header
//	shorten after=N   the same, with that length in the header: a complete
//	                  response without the rest
//	truncate-xml      a complete response with half of the document
//	flip byte=N       flips bit 0 of byte N of the body, from 0; -1 is the last
//	flip byte=N bit=B the same with bit B, 0 to 7
//	silent            reads the request and sends nothing, forever
//	etag=V            another ETag in the response; "bad" is a well-formed one,
//	                  "huge" one of 100,000 characters, "none" removes it
//	size=N            another size of every entry of a document
//	root=NAME         another name of the root element of a document
//	set.NAME=V        a header of the response; no V removes it, %20 is a blank
//	delay=D           waits for D before anything else
package faultproxy
