package human

import (
	"testing"
	"time"
)

func TestShortForms(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1000 B", 1023: "1023 B", 1024: "1.00 KiB", 10234: "9.99 KiB", 10235: "10.0 KiB", 102348: "99.9 KiB", 102349: "100 KiB",
		1023487: "999 KiB", 1023488: "0.98 MiB", 5 << 40: "5.00 TiB", 1<<63 - 1: "8.00 EiB",
	} {
		if got := Size(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", 1499 * time.Millisecond: "1s", 1500 * time.Millisecond: "2s", 133 * time.Second: "2m13s", 3720 * time.Second: "1h02m",
		76 * time.Hour: "3d04h", 24001 * time.Hour: "1000d",
	} {
		if got := Short(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
	for text, want := range map[string]string{"short": "short", "exactly 10": "exactly 10", "abcdefghijklmnop": "abc…klmnop", "富士山富士山": "富…富士山"} {
		if got := Middle(text, 10, false); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
