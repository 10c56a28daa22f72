// Command stemma is the server and its tools. It is where the packages are
// joined: it alone knows the store, the engines and the views at once.
package main
