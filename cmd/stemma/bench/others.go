package bench

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is what the machine and this run have used of its cores so far.
type cpuTime struct {
	at        time.Time
	all, ours time.Duration
}

// userHz is the unit of /proc/stat on every architecture of Linux that Go runs
// on (proc(5), USER_HZ).
const userHz = 100

// readCPU reads both; ours includes the children that have ended.
func readCPU() cpuTime {
	c := cpuTime{at: time.Now()}
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, text := range strings.Fields(line) {
		switch i { // user nice system idle iowait irq softirq steal; guests are in user
		case 1, 2, 3, 6, 7, 8:
			n, _ := strconv.ParseInt(text, 10, 64)
			c.all += time.Duration(n) * time.Second / userHz
		}
	}
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if unix.Getrusage(who, &u) == nil {
			c.ours += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return c
}

// othersSince is the share of the cores that went to other processes, or was
// kept from this machine by its host, from 0 to 1. Yardsticks that do not wait
// for a disk suffer less from it than what does: with a large share a ratio says
// little.
func othersSince(c cpuTime, cores int) float64 {
	now := readCPU()
	others := (now.all - c.all) - (now.ours - c.ours)
	return min(max(others.Seconds()/(now.at.Sub(c.at).Seconds()*float64(cores)), 0), 1)
}
