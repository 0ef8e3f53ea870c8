import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Iterator;
import java.util.Map;
import software.amazon.event.ruler.Machine;
import software.amazon.event.ruler.MachineComplexityEvaluator;
import software.amazon.event.ruler.JsonRuleCompiler;

/**
 * Asks EventBridge's own engine which events match which patterns.
 *
 * Standard input is {"patterns": {name: pattern}, "events": {name: event}, "most": complexity up to which is counted}; standard output
 * is {name of a pattern: {"problem": text or null, "complexity": number, "matches": [names of events]}}.
 */
public final class EventPatterns {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        JsonNode question = JSON.readTree(System.in);
        int most = question.get("most").asInt();
        ObjectNode answer = JSON.createObjectNode();
        for (Iterator<Map.Entry<String, JsonNode>> it = question.get("patterns").fields(); it.hasNext();) {
            Map.Entry<String, JsonNode> pattern = it.next();
            answer.set(pattern.getKey(), judge(pattern.getValue().toString(), question.get("events"), most));
        }
        System.out.println(answer);
    }

    private static ObjectNode judge(String pattern, JsonNode events, int most) throws Exception {
        ObjectNode verdict = JSON.createObjectNode();
        ArrayNode matches = verdict.putArray("matches");
        String problem = JsonRuleCompiler.check(pattern);
        verdict.put("problem", problem);
        if (problem != null) {
            return verdict;
        }
        Machine machine = new Machine();
        machine.addRule("rule", pattern);
        verdict.put("complexity", machine.evaluateComplexity(new MachineComplexityEvaluator(most)));
        for (Iterator<Map.Entry<String, JsonNode>> it = events.fields(); it.hasNext();) {
            Map.Entry<String, JsonNode> event = it.next();
            if (!machine.rulesForJSONEvent(event.getValue().toString()).isEmpty()) {
                matches.add(event.getKey());
            }
        }
        return verdict;
    }
}
