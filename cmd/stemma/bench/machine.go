package bench

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine names what was measured on.
type Machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"` // that the scheduler uses
	RAM        int64  `json:"ram_bytes"`
	Go         string `json:"go"`
	OS         string `json:"os"`
	Kernel     string `json:"kernel"`
	FileSystem string `json:"file_system"` // of the data
}

func machine(data string) Machine {
	m := Machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(),
		OS: runtime.GOOS + "/" + runtime.GOARCH, FileSystem: fileSystem(data),
	}
	if m.CPU == "" {
		m.CPU = "unknown CPU"
	}
	if kb, err := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.RAM = kb << 10
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	return m
}

// String is the head of the table.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.1f GiB of memory, %s %s, kernel %s, data on %s",
		m.CPU, m.Cores, float64(m.RAM)/(1<<30), m.Go, m.OS, m.Kernel, m.FileSystem)
}

// field reads the first line "name: value" of a file; "" when there is none.
func field(path, name string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// fileSystem is the type of the file system that holds a directory, as
// /proc/self/mountinfo has it (proc(5)), and its device.
func fileSystem(dir string) string {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "an unknown file system"
	}
	want := fmt.Sprintf("%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "an unknown file system"
	}
	for line := range strings.Lines(string(b)) {
		mount, super, ok := strings.Cut(line, " - ")
		if f := strings.Fields(mount); !ok || len(f) < 3 || f[2] != want {
			continue
		}
		if f := strings.Fields(super); len(f) >= 2 {
			return f[0] + " (" + f[1] + ")"
		}
	}
	return "an unknown file system"
}
