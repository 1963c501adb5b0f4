package dashboard_test
import ("testing";"net/http";"os")
func TestZZ(t *testing.T){ f:=newFleet(t); for _,p:=range []string{"actions","stages","traffic","evidence","evolution","course","distribution","shadow","ledger","history","live"} { pg,_:=f.get(t,"/rollouts/"+f.rollouts[0].ID+"?part="+p,http.StatusOK); t.Log(p,len(pg.source)); os.WriteFile("/tmp/part-"+p+".html",[]byte(pg.source),0o644)} }
