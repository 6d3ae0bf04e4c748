package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
)

// engineConfig is that of one process with its database in a file. The ports are those of
// its parts, which speak to one another.
const engineConfig = `log: {stdout: true, level: error}
persistence:
  defaultStore: default
  visibilityStore: visibility
  numHistoryShards: 4
  datastores:
    default: &store
      sql:
        pluginName: sqlite
        databaseName: %[1]q
        connectAddr: localhost
        connectProtocol: tcp
        connectAttributes: {cache: private, setup: true, journal_mode: wal, synchronous: 2}
        maxConns: 1
        maxIdleConns: 1
        maxConnLifetime: 1h
    visibility: *store
global:
  membership: {maxJoinDuration: 30s, broadcastAddress: 127.0.0.1}
services:
  frontend: {rpc: {grpcPort: %[2]d, membershipPort: %[3]d, bindOnLocalHost: true}}
  matching: {rpc: {grpcPort: %[4]d, membershipPort: %[5]d, bindOnLocalHost: true}}
  history: {rpc: {grpcPort: %[6]d, membershipPort: %[7]d, bindOnLocalHost: true}}
  worker: {rpc: {grpcPort: %[8]d, membershipPort: %[9]d, bindOnLocalHost: true}}
clusterMetadata:
  enableGlobalNamespace: false
  failoverVersionIncrement: 10
  masterClusterName: active
  currentClusterName: active
  clusterInformation:
    active: {enabled: true, initialFailoverVersion: 1, rpcName: frontend, rpcAddress: "localhost:%[2]d"}
dcRedirectionPolicy: {policy: noop}
`

// startEngine starts Temporal, and returns its address and what ends it.
func startEngine(ctx context.Context, dir string) (address string, stop func(), err error) {
	program := filepath.Join(".cache", "bin", "temporal-server")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	ports, err := freePorts(8)
	if err != nil {
		return "", nil, err
	}
	values := []any{filepath.Join(dir, "engine.db")}
	for _, port := range ports {
		values = append(values, port)
	}
	config := filepath.Join(dir, "engine.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, engineConfig, values...), 0o600); err != nil {
		return "", nil, err
	}
	log, err := os.Create(filepath.Join(dir, "engine.log"))
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, program, "--config-file", config, "--allow-no-auth", "start")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("temporal-server: %w", err), log.Close())
	}
	stop = func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		_ = log.Close()
	}
	address = fmt.Sprintf("127.0.0.1:%d", ports[0])
	if err := makeNamespace(ctx, address); err != nil {
		stop()
		text, _ := os.ReadFile(log.Name())
		return "", nil, fmt.Errorf("temporal-server: %w\n%s", err, text[:min(len(text), 4096)])
	}
	fmt.Printf("It listens on %s.\n$ export TEMPORAL_ADDRESS=%s\n", address, address)
	return address, stop, nil
}

// makeNamespace waits for the engine, makes the namespace, and waits until it can be used.
func makeNamespace(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	made := false
	for {
		err := func() error {
			c, err := client.NewNamespaceClient(client.Options{HostPort: address})
			if err != nil {
				return err
			}
			defer c.Close()
			if made {
				_, err = c.Describe(ctx, client.DefaultNamespace)
				return err
			}
			err = c.Register(ctx, &workflowservice.RegisterNamespaceRequest{
				Namespace: client.DefaultNamespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
			})
			if _, there := errors.AsType[*serviceerror.NamespaceAlreadyExists](err); err == nil || there {
				made = true
				return errors.New("the namespace is not yet known")
			}
			return err
		}()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// freePorts returns ports that nobody listens on now.
func freePorts(n int) (ports []int, err error) {
	var held []net.Listener // until all are known, so that none comes twice
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		held = append(held, l)
		addr, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return nil, errors.New("no port")
		}
		ports = append(ports, addr.Port)
	}
	return ports, nil
}
