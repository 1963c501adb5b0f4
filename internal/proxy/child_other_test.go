//go:build !linux

package proxy_test

func beChild() bool { return false }
