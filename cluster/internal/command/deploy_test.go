package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"s3sync/cluster/internal/connect"
)

// documents returns the documents of a file in YAML. A key that is there twice is an error.
func documents(t *testing.T, name string) (all []map[string]any) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := yaml.NewDecoder(f); ; {
		var one map[string]any
		err := d.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}

// at returns what is below a path, such as "spec.template.0"; nil if nothing is.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

func words(v any) (all []string) {
	list, _ := v.([]any)
	for _, word := range list {
		all = append(all, fmt.Sprint(word))
	}
	return all
}

// drainOf returns the time of --drain in a line.
func drainOf(t *testing.T, args []string) time.Duration {
	t.Helper()
	c := newCommand(Process{Args: args, Stdout: io.Discard, Stderr: io.Discard})
	if _, _, _, err := c.line.Parse(); err != nil {
		t.Errorf("%q: %v", args, err)
	}
	return c.own.drain
}

func TestComposeFile(t *testing.T) {
	all := documents(t, "../../../deploy/cluster/compose.yaml")
	services, _ := all[0]["services"].(map[string]any)
	for name, service := range services {
		for _, other := range words(at(service, "depends_on")) {
			if services[other] == nil {
				t.Errorf("%s depends on %s, which there is not", name, other)
			}
		}
	}
	worker := services["worker"]
	args := words(at(worker, "command"))
	if err := accept(args); err != nil || len(args) == 0 {
		t.Errorf("%q: %v", args, err)
	}
	grace, err := time.ParseDuration(fmt.Sprint(at(worker, "stop_grace_period")))
	if drain := drainOf(t, args); err != nil || grace <= drain {
		t.Errorf("the worker is killed after %s, and drains for %s: %v", grace, drain, err)
	}
	if at(worker, "environment."+connect.FileVariable) == nil || at(worker, "environment.TEMPORAL_ADDRESS") == nil {
		t.Error("the worker has no connections or no engine")
	}
	for _, port := range words(at(services["temporal"], "ports")) {
		if !strings.HasPrefix(port, "127.0.0.1:") {
			t.Errorf("the port %s is open for other machines, without TLS", port)
		}
	}
}

func TestKubernetesManifests(t *testing.T) {
	byKind := map[string]map[string]any{}
	for _, d := range documents(t, "../../../deploy/cluster/kubernetes.yaml") {
		byKind[fmt.Sprint(d["kind"])] = d
		if at(d, "metadata.namespace") != "s3sync" {
			t.Errorf("%s %s is in no namespace", d["kind"], at(d, "metadata.name"))
		}
	}
	for _, kind := range []string{"Deployment", "Job"} {
		pod := at(byKind[kind], "spec.template.spec")
		container := at(pod, "containers.0")
		args := words(at(container, "args"))
		if err := accept(args); err != nil || len(args) == 0 {
			t.Errorf("%s: %q: %v", kind, args, err)
		}
		if got := at(container, "envFrom.0.configMapRef.name"); got != at(byKind["ConfigMap"], "metadata.name") {
			t.Errorf("%s: the environment is that of %v", kind, got)
		}
		file := fmt.Sprint(at(byKind["ConfigMap"], "data."+connect.FileVariable))
		if mount := fmt.Sprint(at(container, "volumeMounts.0.mountPath")); !strings.HasPrefix(file, mount+"/") {
			t.Errorf("%s: the file of connections %q is not below %q", kind, file, mount)
		}
		for _, setting := range []string{"allowPrivilegeEscalation", "readOnlyRootFilesystem"} {
			if want := setting == "readOnlyRootFilesystem"; at(container, "securityContext."+setting) != want {
				t.Errorf("%s: %s is not %v", kind, setting, want)
			}
		}
	}
	deployment := byKind["Deployment"]
	if at(deployment, "spec.selector.matchLabels.app") != at(deployment, "spec.template.metadata.labels.app") {
		t.Error("the deployment does not select its pods")
	}
	grace, _ := at(deployment, "spec.template.spec.terminationGracePeriodSeconds").(int)
	args := words(at(deployment, "spec.template.spec.containers.0.args"))
	if drain := drainOf(t, args); time.Duration(grace)*time.Second <= drain || !slices.Contains(args, "worker") {
		t.Errorf("a worker is killed after %d s, and drains for %s", grace, drain)
	}
}
