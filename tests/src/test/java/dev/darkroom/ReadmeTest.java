package dev.darkroom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows is true. */
final class ReadmeTest {
    private static final Path ROOT =
            Path.of(System.getProperty("darkroom.root")).normalize();

    @Test
    void theJavaExampleCompiles(@TempDir Path classes) throws Exception {
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(ROOT.resolve("README.md")));
        assertTrue(block.find());
        JavaFileObject source =
                new SimpleJavaFileObject(URI.create("string:///Example.java"), JavaFileObject.Kind.SOURCE) {
                    @Override
                    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                        return block.group(1);
                    }
                };
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        List<String> options = List.of("-d", classes.toString(), "-Xlint:all", "-Werror", "-proc:none");
        assertTrue(
                compiler.getTask(messages, null, null, options, null, List.of(source))
                        .call(),
                messages.toString());
    }

    @Test
    void everyLinkLeadsToAFile() throws Exception {
        for (String document : List.of(
                "README.md", "docs/architecture.md", "docs/numerics.md", "docs/prompts.md", "CONTRIBUTING.md")) {
            Path file = ROOT.resolve(document);
            Matcher link = Pattern.compile("]\\(([^)#:]+)\\)").matcher(Files.readString(file));
            while (link.find()) {
                assertTrue(Files.exists(file.resolveSibling(link.group(1))), document + " links to " + link.group(1));
            }
        }
    }

    @Test
    void theContinuousIntegrationRunsTheTestCommandThatTheReadmeGives() throws Exception {
        Matcher command = Pattern.compile("## The tests\n\n```sh\n(.*?)\n```")
                .matcher(Files.readString(ROOT.resolve("README.md")));
        assertTrue(command.find());
        assertTrue(Files.readString(ROOT.resolve(".ci/run")).contains(command.group(1)));
        assertEquals("mvn -B verify", command.group(1));
    }
}
