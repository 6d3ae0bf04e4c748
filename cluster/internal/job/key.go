package job

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"s3sync/storage"
)

// A Key is a key of an object. As JSON it keeps bytes that are not UTF-8, too: it is then
// an object with the bytes in base64.
type Key string

// A rawKey is a Key that is no text.
type rawKey struct {
	Bytes []byte `json:"bytes"`
}

// MarshalJSON writes text as text.
func (k Key) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(k)) {
		return json.Marshal(string(k))
	}
	return json.Marshal(rawKey{[]byte(k)})
}

// UnmarshalJSON reads the output of MarshalJSON.
func (k *Key) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var raw rawKey
		if err := json.Unmarshal(data, &raw); err != nil {
			return err
		}
		*k = Key(raw.Bytes)
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*k = Key(text)
	return nil
}

// A Keys is a half-open range of keys, [From, To). An empty To has no end.
type Keys struct {
	From Key `json:"from,omitempty"`
	To   Key `json:"to,omitempty"`
}

// Range returns k as the range of a listing.
func (k Keys) Range() storage.Range {
	return storage.Range{From: string(k.From), To: string(k.To)}
}

// KeysOf is the opposite of Keys.Range.
func KeysOf(r storage.Range) Keys { return Keys{From: Key(r.From), To: Key(r.To)} }

// String shows k in messages.
func (k Keys) String() string {
	to := "the end"
	if k.To != "" {
		to = fmt.Sprintf("%q", string(k.To))
	}
	return fmt.Sprintf("%q to %s", string(k.From), to)
}

// Split returns the ranges that begin at keys, in ascending order. They tile whole.
func Split(whole Keys, at []Key) ([]Keys, error) {
	from := whole.From
	ranges := make([]Keys, 0, len(at)+1)
	for _, key := range at {
		switch {
		case key <= from:
			return nil, fmt.Errorf("the split at %q is not above the one before, or not above the first key: list splits in ascending byte order", string(key))
		case whole.To != "" && key >= whole.To:
			return nil, fmt.Errorf("the split at %q is not below the end of the keys, %q", string(key), string(whole.To))
		case !utf8.ValidString(string(key)) || strings.ContainsRune(string(key), 0):
			return nil, fmt.Errorf("the split at %q is not text that a listing can begin after", string(key))
		}
		ranges = append(ranges, Keys{from, key})
		from = key
	}
	return append(ranges, Keys{from, whole.To}), nil
}
