package config

// roleWords are the roles, the least first.
var roleWords = []string{"viewer", "operator", "admin"}

// tokenSpec is one token that proves a name.
var tokenSpec = object("",
	field{"name", text("What the history calls whoever shows it.")},
	field{"role", choice("What they may do: see everything but users' requests; also start rollouts and act on them; also capture users' requests.", roleWords...)},
	field{"file", text("A file that holds the token, 16 characters at least.")},
	field{"env", text("An environment variable that holds it instead.")},
).need("name", "role")

// oidcSpec is the provider that people sign in with.
var oidcSpec = object("An OpenID Connect provider that people sign in with.",
	field{"issuer", text("Its URL, as it calls itself; https, but on loopback.")},
	field{"client_id", text("What it calls this server.")},
	field{"client_secret_file", text("A file that holds the secret it shares with this server.").or("none; PKCE is used either way")},
	field{"client_secret_env", text("An environment variable that holds the secret instead.")},
	field{"redirect_url", text("Where it sends people back to, as it knows it; the path is /login/callback.").or("/login/callback at the address that the browser asked for")},
	field{"scopes", list("What is asked for beside openid.", text("")).or("profile and email")},
	field{"name_claim", text("The claim that names people. A mail address that is said not to be verified names nobody.").or("the first there is of email, preferred_username and sub")},
	field{"role_claim", text("The claim whose text, or texts, roles are given for; a dot leads into a claim, as in realm_access.roles.").or("groups")},
	field{"roles", object("For which values of the claim a role is given; the highest counts.",
		field{"admin", list("Texts of the claim.", text(""))},
		field{"operator", list("Texts of the claim.", text(""))},
		field{"viewer", list("Texts of the claim.", text(""))},
	)},
	field{"default_role", choice("The role of everybody else whom the provider vouches for.", roleWords...).or("none; they are sent away")},
).need("issuer", "client_id")

// sessionSpec is how long people stay signed in.
var sessionSpec = object("How long people stay signed in.",
	field{"ttl", duration("At most so long, 1m to 30 days.").or("12h")},
	field{"idle", duration("So long without a request, 1m at least; an open page makes some.").or("1h")},
)
