package wire

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// sessionServer makes sessions that take a while to get, or fail.
type sessionServer struct {
	made  int
	skew  time.Duration // of its clock
	life  time.Duration
	fails error
}

func (s *sessionServer) create(ctx context.Context, _ string) (*types.SessionCredentials, error) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.fails != nil {
		return nil, s.fails
	}
	s.made++
	return &types.SessionCredentials{
		AccessKeyId: aws.String("key"), SecretAccessKey: aws.String("secret"),
		SessionToken: aws.String(strconv.Itoa(s.made)),
		Expiration:   aws.Time(time.Now().Add(s.skew + s.life)),
	}, nil
}

func TestSessionRenewal(t *testing.T) {
	for name, tt := range map[string]struct {
		skew, life time.Duration
		made       int // in the sixteen minutes, with a request each second
	}{
		"usual":                    {0, 5 * time.Minute, 4},
		"server's clock is ahead":  {time.Hour, 5 * time.Minute, 4},
		"server's clock is behind": {-time.Hour, 5 * time.Minute, 4},
		"shorter sessions":         {0, 3 * time.Minute, 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &sessionServer{skew: tt.skew, life: tt.life}
				k := newSessionKeeper(server.create)
				began := time.Now()
				for time.Since(began) < 15*time.Minute+50*time.Second {
					if _, err := k.Retrieve(t.Context(), "b"); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
				}
				if server.made != tt.made {
					t.Errorf("%d sessions, want %d", server.made, tt.made)
				}
			})
		})
	}
}

// Many requests at once wait for one session. One that is cancelled does not
// fail the others.
func TestSessionIsSharedWhileItIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &sessionServer{life: 5 * time.Minute}
		k := newSessionKeeper(server.create)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := k.Retrieve(ctx, "b"); !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled one: %v", err)
			}
		})
		synctest.Wait()
		for range 20 {
			wg.Go(func() {
				creds, err := k.Retrieve(t.Context(), "b")
				if err != nil || creds.SessionToken != "1" {
					t.Errorf("token %q, %v", creds.SessionToken, err)
				}
			})
		}
		wg.Go(func() { // gives up waiting
			short, end := context.WithTimeout(t.Context(), time.Millisecond)
			defer end()
			if _, err := k.Retrieve(short, "b"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the impatient one: %v", err)
			}
		})
		time.Sleep(500 * time.Millisecond)
		cancel()
		wg.Wait()
		if server.made != 1 {
			t.Errorf("%d sessions", server.made)
		}
	})
}

// A failure is not kept: the next request tries again.
func TestSessionAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("test failure")
		server := &sessionServer{life: 5 * time.Minute, fails: failure}
		k := newSessionKeeper(server.create)
		var told error
		ctx := context.WithValue(t.Context(), sessionFailureKey{}, &told)
		if _, err := k.Retrieve(ctx, "b"); !errors.Is(err, failure) || !errors.Is(told, failure) {
			t.Errorf("got %v, told %v", err, told)
		}
		server.fails = nil
		if _, err := k.Retrieve(ctx, "b"); err != nil || told != nil {
			t.Errorf("got %v, told %v", err, told)
		}
	})
}
