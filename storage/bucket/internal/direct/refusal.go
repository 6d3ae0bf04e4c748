package direct

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"

	"s3sync/storage/bucket/internal/request"
)

// refusal reads an answer that is no success. One without a code, as those to HEAD are, gets
// a code of its status.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func refusal(resp *http.Response) error {
	defer discard(resp)
	var says struct {
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return unreadable(resp, fmt.Errorf("failed to copy error response body, %w", err))
	}
	if err := xml.NewDecoder(bytes.NewReader(text)).Decode(&says); err != nil && !errors.Is(err, io.EOF) {
		return unreadable(resp, fmt.Errorf("error while deserializing xml error response : %w", err))
	}
	if says.Code == "" && says.Message == "" {
		says.Code = request.StatusCode(resp.StatusCode)
	}
	if says.Code == "" {
		says.Code = request.UnknownCode
	}
	return &request.RefusalError{
		Code: says.Code, Message: says.Message, Status: resp.StatusCode, Header: resp.Header, Request: resp.Request,
	}
}

func unreadable(resp *http.Response, err error) error {
	return &request.UnreadableError{Err: err, Status: resp.StatusCode, Header: resp.Header}
}

// errorInside fails if an answer whose headers tell a success holds an error, or something
// that is no document. Most such answers have no body.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
func errorInside(resp *http.Response) error {
	if resp.Body == http.NoBody {
		return nil
	}
	text, err := io.ReadAll(resp.Body)
	discard(resp)
	if err != nil {
		return &request.UnreadableError{Err: err}
	}
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &request.UnreadableError{Err: err}
		}
		root, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if root.Name.Local != "Error" {
			return nil
		}
		resp.StatusCode = http.StatusInternalServerError
		resp.Body = io.NopCloser(bytes.NewReader(text))
		return refusal(resp)
	}
}
