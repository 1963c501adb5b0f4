// Package auth says who is asking, and what they may do.
//
// A Guard stands before everything the admin port answers. It lets a request in
// that shows a token, or belongs to a session that began with one or with the
// word of an OpenID Connect provider, and hands its Identity on in the context.
// Where nothing of that is configured, only this machine is let in.
//
// Who may do what is a Role; what needs which is declared where it is answered.
package auth
