# A server with two good versions and a bad one, under traffic: what the how-to
# pages take for granted.
port=$PRELUDE_PORT
cat > common.conf <<'EOF'
access_log off;
client_body_temp_path tmp;
proxy_temp_path tmp;
fastcgi_temp_path tmp;
uwsgi_temp_path tmp;
scgi_temp_path tmp;
EOF
for i in 1 2 3; do
  answer='return 200 "hello\n";'
  [ $i = 3 ] && answer='return 500;'
  cat > v$i.conf <<EOF
daemon off;
pid v$i.pid;
events {}
http {
  include common.conf;
  server {
    listen 127.0.0.1:$((port + i));
    location / { $answer }
  }
}
EOF
  nginx -p "$PWD" -e stderr -c v$i.conf &
done
cat > stagger.yaml <<EOF
listeners:
  - {name: web, address: 127.0.0.1:$((port + 4))}
admin: {address: 127.0.0.1:$((port + 5))}
services:
  - name: shop
    baseline: v1
    health: {interval: 200ms}
    versions:
      v1: {upstreams: ["http://127.0.0.1:$((port + 1))"]}
      v2: {upstreams: ["http://127.0.0.1:$((port + 2))"]}
      v3: {upstreams: ["http://127.0.0.1:$((port + 3))"]}
EOF
cat > rollout.yaml <<'EOF'
service: shop
candidate: v2
plan:
  cohort:
    key: {header: X-User}
  stages:
    - {weight: 10, min_time: 10m}
    - {weight: 50, min_time: 10m}
  shed: {patience: 6s}
EOF
cat > users.lua <<'EOF'
request = function()
  return wrk.format("GET", "/", {["X-User"] = "user-" .. math.random(300)})
end
delay = function() return math.random(0, 20) end
EOF
stagger serve 2> stagger.log &
export STAGGER_SERVER=http://127.0.0.1:$((port + 5))
export SHOP=http://127.0.0.1:$((port + 4))
for i in $(seq 100); do stagger services > /dev/null 2>&1 && break || sleep 0.2; done
wrk -t1 -c6 -d140s -s users.lua http://127.0.0.1:$((port + 4))/ > wrk.log &
sleep 1
