package bucket_test

import (
	"os"
	"os/exec"
	"testing"
)

// bySDK reports whether the AWS SDK is to make all requests of the tests. TestMain then makes
// a setting that only the SDK understands. The value changes nothing else.
func bySDK() bool { return os.Getenv(bySDKVariable) != "" }

const bySDKVariable = "S3SYNC_TEST_BY_SDK"

// TestBySDK runs the tests of this package once more with the AWS SDK making all requests.
// They hold for both ways. The short run takes those of hostile servers, without the
// answers of many MiB.
func TestBySDK(t *testing.T) {
	if bySDK() {
		t.Skip("this is that run")
	}
	t.Parallel()
	which := []string{"-test.skip=^(TestDirectory|TestFanOut|TestSession)"}
	if testing.Short() {
		which = []string{"-test.short", "-test.run=Lies|Lying|Refus|Foreign|Listed|Length|WithoutETags|Fault|Short|Condition|Secret|Error|Correct|Unheard|Garbled"}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], which...)
	cmd.Env = append(os.Environ(), bySDKVariable+"=yes")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
