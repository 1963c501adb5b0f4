-- Each request is of one of 300 users, and each connection rests a little, so
-- that the machine does, too.
request = function()
  return wrk.format("GET", "/", {["X-User"] = "u" .. math.random(300)})
end

function delay()
  return math.random(0, 24)
end
